// Starts the page, as soon as the language is there.
import './styles';
import { createRoot } from 'react-dom/client';
import { startI18n } from '../lib/i18n';
import { App } from './App';
import { loadTexts } from './texts';

void startI18n(loadTexts).then(() => createRoot(document.getElementById('root')!).render(<App />));
