// The catalogue of a term beside one's plan: what is left of each section, live, and what to do about it.
// On a narrow screen one of the two at a time.
import { Button, NativeSelect, Switch, TextInput } from '@mantine/core';
import { Link, useNavigate } from '@tanstack/react-router';
import { lazy, Suspense, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Booking, PlanLine, Section } from '../../../api/types';
import { ListState } from '../../../components/ListState';
import { Page } from '../../../components/Page';
import { toParams, toSearch, useParamsOfAddress } from '../../../lib/address';
import type { Wish } from '../../waitlist/components/JoinDialog';
import { readCourseFilters, useCourses, useKeepPlan, usePlan, type CourseFilters } from '../queries';
import { CourseCard } from './CourseCard';
import css from './Courses.module.css';
import { Plan } from './Plan';

const JoinDialog = lazy(() => import('../../waitlist/components/JoinDialog'));
const CancelDialog = lazy(() => import('../../bookings/components/CancelDialog'));

export default function CoursesPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const filters = readCourseFilters(useParamsOfAddress());
  const courses = useCourses(filters);
  const plan = usePlan();
  const keep = useKeepPlan();
  const [wish, setWish] = useState<Wish | null>(null);
  const [dropping, setDropping] = useState<Booking | null>(null);
  const lines = plan.data?.lines ?? [];
  const planned = new Set(lines.flatMap((line) => line.sections));

  function change(part: Partial<CourseFilters>, how: 'push' | 'replace' = 'push') {
    const next = { ...filters, ...part };
    const params = toParams({ subject: next.subject, q: next.text, open: next.open ? '1' : '', show: next.plan ? 'plan' : '' });
    void navigate({ to: '/courses', search: toSearch(params) as never, replace: how === 'replace', resetScroll: false });
  }
  function keepLines(next: PlanLine[]) {
    if (plan.data) keep.mutate({ lines: next, version: plan.data.version });
  }
  const wait = (section: Section, gives_up?: string) =>
    setWish({ resource: section.id, start: section.interval?.start ?? '', end: section.interval?.end ?? '', timed: false, ...(gives_up ? { gives_up } : {}) });

  return (
    <Page title={t('courses.title')}>
      <nav className={css.tabs} aria-label={t('courses.sections')}>
        {[false, true].map((one) => (
          <Link
            key={String(one)}
            to="/courses"
            search={((old: object) => ({ ...old, show: one ? 'plan' : undefined })) as never}
            className={css.tab}
            data-open={one === filters.plan}
            aria-current={one === filters.plan ? 'page' : undefined}
          >
            {one ? t('courses.planCount', { count: lines.length }) : t('courses.catalogue')}
          </Link>
        ))}
      </nav>
      <div className={css.columns} data-show={filters.plan ? 'plan' : 'catalogue'}>
        <div className={css.catalogue}>
          <form className={`panel ${css.filters}`} role="search" aria-label={t('search.filters')} onSubmit={(event) => event.preventDefault()}>
            <TextInput label={t('search.text')} placeholder={t('courses.textHint')} value={filters.text} onChange={(event) => change({ text: event.currentTarget.value }, 'replace')} />
            <NativeSelect
              label={t('courses.subject')}
              data={[{ value: '', label: t('courses.allSubjects') }, ...Object.entries(courses.subjects).map(([subject, count]) => ({ value: subject, label: `${subject} (${count})` }))]}
              value={filters.subject}
              onChange={(event) => change({ subject: event.currentTarget.value })}
            />
            <Switch label={t('courses.onlyOpen')} checked={filters.open} onChange={(event) => change({ open: event.currentTarget.checked })} />
          </form>
          <p role="status" className={css.count}>{courses.data ? t('courses.count', { count: courses.items.length }) : ''}</p>
          <ListState
            query={courses}
            skeletons={{ count: 4, height: 150 }}
            isEmpty={courses.items.length === 0}
            empty={{
              title: filters.text || filters.subject || filters.open ? t('courses.noneMatchTitle') : t('courses.emptyTitle'),
              text: filters.text || filters.subject || filters.open ? t('courses.noneMatch') : t('courses.empty'),
              way: filters.text || filters.subject || filters.open ? <Button variant="default" onClick={() => change({ text: '', subject: '', open: false })}>{t('search.clear')}</Button> : undefined,
            }}
          >
            <ul className={css.list}>
              {courses.items.map((course) => (
                <CourseCard
                  key={`${course.term} ${course.subject} ${course.number}`}
                  course={course}
                  planned={planned}
                  onPlan={(section) => keepLines([...lines, { sections: [section.id] }])}
                  onUnplan={(section) => keepLines(lines.map((line) => ({ sections: line.sections.filter((id) => id !== section.id) })).filter((line) => line.sections.length > 0))}
                  onWait={wait}
                  onDrop={setDropping}
                />
              ))}
            </ul>
            {courses.hasNextPage && (
              <Button variant="default" fullWidth mt="md" loading={courses.isFetchingNextPage} onClick={() => void courses.fetchNextPage()}>{t('courses.more')}</Button>
            )}
          </ListState>
        </div>
        <aside className={css.plan} aria-label={t('courses.plan')}>
          <ListState query={plan} skeletons={{ count: 1, height: 180 }} isEmpty={false} empty={{ title: '', text: '' }}>
            <Plan lines={lines} listed={courses.sections} keepTrouble={keep.error} onKeep={keepLines} onWait={setWish} />
          </ListState>
        </aside>
      </div>
      <Suspense fallback={null}>{wish && <JoinDialog wish={wish} onClose={() => setWish(null)} />}</Suspense>
      <Suspense fallback={null}>{dropping && <CancelDialog booking={dropping} onClose={() => setDropping(null)} />}</Suspense>
    </Page>
  );
}
