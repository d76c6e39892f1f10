// What tests of components start from: English, as a person in front of the page would have it.
import { startI18n } from '../lib/i18n';
import { loadTexts } from './texts';

await startI18n(loadTexts);
