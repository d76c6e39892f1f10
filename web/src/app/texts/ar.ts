// All texts of one language as one file to fetch, but for the console's.
import type { Texts } from '../../lib/i18n';

const files = import.meta.glob<Texts>(['../../{app,lib,components}/texts.ar.json', '../../features/*/texts.ar.json', '!../../features/admin/*'], { eager: true, import: 'default' });

export default Object.assign({}, ...Object.values(files)) as Texts;
