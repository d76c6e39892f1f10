// One resource as an admin keeps it: what it is, its rules, how much of it there is, what is out of use, and who holds what.
import { Button, Skeleton } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { Link, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Resource } from '../../../api/types';
import { Page } from '../../../components/Page';
import { Sheet } from '../../../components/Sheet';
import { Notice } from '../../../components/Notice';
import { useAct } from '../act';
import { useMay } from '../may';
import { useResource } from '../queries';
import css from './Admin.module.css';
import { Blocks } from './Blocks';
import { Bookings } from './Bookings';
import { Capacity } from './Capacity';
import { EditForm } from './EditForm';
import { Holds } from './Holds';
import { Reason } from './Reason';
import { Trouble, Unread } from './Trouble';

export default function ResourcePage() {
  const { t } = useTranslation();
  const { id } = useParams({ strict: false }) as { id: string };
  const read = useResource(id);
  const resource = read.data;
  const { all, some, change } = useMay();
  const may = resource !== undefined && change(resource);
  return (
    <Page
      title={resource?.name ?? t('admin.ways.resources')}
      aside={
        resource && (
          <div className={css.row}>
            {(all || !some) && <Link to="/admin/audit" search={{ resource: id, resource_name: resource.name }} className={css.link}>{t('admin.toRecord')}</Link>}
            {may && resource.kind !== 'group' && <Service resource={resource} />}
          </div>
        )
      }
    >
      <Unread error={read.error} />
      {read.isPending && <Skeleton height={420} radius="lg" aria-label={t('common.loading')} />}
      {resource && (
        <div className={css.cards}>
          {!may && <Notice tone="few" icon="lock" title={t('admin.looksOnlyTitle')}><p style={{ margin: 0 }}>{t(some ? 'admin.notYours' : 'admin.looksOnly')}</p></Notice>}
          <EditForm key={resource.id} may={may} resource={resource} onAgain={() => void read.refetch()} />
          {resource.kind !== 'group' && (
            <>
              <Capacity may={may} resource={resource} />
              <Blocks may={may} resource={resource} />
              <Holds may={may} resource={resource} />
              <Bookings may={may} resource={resource} />
            </>
          )}
        </div>
      )}
    </Page>
  );
}

/** Out of service, or in it again: always with a reason. */
function Service({ resource }: { resource: Resource }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const [reason, setReason] = useState('');
  const { act, busy, trouble } = useAct();
  const verb = resource.policy.closed ? 'reopen' : 'close';
  async function carryOut() {
    const done = await act({ path: `/api/resources/${resource.id}/${verb}`, body: { reason: reason.trim() }, ifMatch: resource.policy_version });
    if (!done) return;
    setOpen(false);
    setReason('');
    notifications.show({ message: t(`admin.resource.${verb}_done`), color: 'teal', closeButtonProps: { 'aria-label': t('common.dismiss') } });
  }
  return (
    <>
      <Button variant="default" onClick={() => setOpen(true)}>{t(`admin.resource.${verb}`)}</Button>
      {open && (
        <Sheet onClose={() => setOpen(false)} title={t(`admin.resource.${verb}Title`, { name: resource.name })}>
          <div className={css.cards}>
            <Reason value={reason} onChange={setReason} />
            <Trouble trouble={trouble} />
            <Button loading={busy} aria-disabled={!reason.trim()} onClick={() => reason.trim() && void carryOut()}>{t(`admin.resource.${verb}Named`, { name: resource.name })}</Button>
          </div>
        </Sheet>
      )}
    </>
  );
}
