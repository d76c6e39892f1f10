// A course with its sections, one below the other.
import { useTranslation } from 'react-i18next';
import type { Booking, Course, Section } from '../../../api/types';
import css from './Courses.module.css';
import { SectionRow } from './SectionRow';

interface Props {
  course: Course;
  planned: ReadonlySet<string>;
  onPlan: (section: Section) => void;
  onUnplan: (section: Section) => void;
  onWait: (section: Section, gives_up?: string) => void;
  onDrop: (booking: Booking) => void;
}

export function CourseCard({ course, planned, ...does }: Props) {
  const { t } = useTranslation();
  const heading = `course-${course.term}-${course.subject}-${course.number}`.replaceAll(/\s/g, '-');
  const credits = course.sections[0]?.course.credits;
  const about = [course.term_name, credits ? t('courses.credits', { count: credits }) : null].filter(Boolean).join(' · ');
  // The section of the same part that one has: another can be taken for it.
  const mine = (part: string | null) => course.sections.find((one) => one.booking && one.course.part === part) ?? null;
  return (
    <li className={`panel ${css.course}`} aria-labelledby={heading} data-testid="course" data-course={`${course.subject} ${course.number}`}>
      <h2 className={css.name} id={heading}>
        <span className={css.code}>{course.subject} {course.number}</span> {course.title}
      </h2>
      {about && <p className={css.soft}>{about}</p>}
      <ul className={css.sections}>
        {course.sections.map((section) => (
          <SectionRow key={section.id} section={section} isPlanned={planned.has(section.id)} have={section.booking ? null : mine(section.course.part)} {...does} />
        ))}
      </ul>
    </li>
  );
}
