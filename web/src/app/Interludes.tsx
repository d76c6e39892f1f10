// What stands in the place of a screen: while it is fetched, when it broke, and where there is none.
import { Button } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { Page } from '../components/Page';

export function Opening() {
  const { t } = useTranslation();
  return <p role="status" style={{ padding: 24 }}>{t('common.loading')}</p>;
}

export function Broken() {
  const { t } = useTranslation();
  return (
    <Page title={t('app.broken')}>
      <p role="alert">{t('app.brokenText')}</p>
      <Button onClick={() => window.location.reload()}>{t('app.reload')}</Button>
    </Page>
  );
}

export function Missing() {
  const { t } = useTranslation();
  return (
    <Page title={t('app.missing')}>
      <p>{t('app.missingText')}</p>
      <Link to="/" style={{ display: 'inline-block', paddingBlock: 14 }}>{t('app.missingBack')}</Link>
    </Page>
  );
}
