// Catches what should not happen, and offers the one thing that helps.
import { Component, type ReactNode } from 'react';
import { i18n } from '../lib/i18n';

export class ErrorBoundary extends Component<{ children: ReactNode }, { broken: boolean }> {
  override state = { broken: false };

  static getDerivedStateFromError() {
    return { broken: true };
  }

  override render() {
    if (!this.state.broken) return this.props.children;
    return (
      <main style={{ padding: 24 }}>
        <p role="alert">{i18n.t('app.broken')}</p>
        <button type="button" onClick={() => window.location.reload()}>
          {i18n.t('app.reload')}
        </button>
      </main>
    );
  }
}
