// Short messages over the page. Never over the way on: below on a wide screen, above on a phone, where the dialog's buttons are below.
import { useMediaQuery } from '@mantine/hooks';
import { Notifications } from '@mantine/notifications';

export default function Toasts() {
  const narrow = useMediaQuery('(max-width: 780px)');
  return <Notifications position={narrow ? 'top-center' : 'bottom-right'} zIndex={500} containerWidth={340} />;
}
