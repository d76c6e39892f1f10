// A dialog as this page wants it: titled, closable, and quiet about its own header for those who listen to landmarks.
import { Modal, type ModalProps } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { useTranslation } from 'react-i18next';

interface Props extends Pick<ModalProps, 'title' | 'size' | 'children' | 'onClose'> {
  testId?: string;
}

export function Sheet({ testId, ...rest }: Props) {
  const { t } = useTranslation();
  const narrow = useMediaQuery('(max-width: 480px)', undefined, { getInitialValueInEffect: false });
  return (
    <Modal
      {...rest}
      opened
      fullScreen={narrow}
      centered
      radius={narrow ? 0 : 'lg'}
      closeButtonProps={{ 'aria-label': t('common.close') }}
      attributes={{ header: { role: 'none' }, ...(testId ? { content: { 'data-testid': testId } } : {}) }}
      styles={{ title: { fontSize: 20, fontWeight: 680 }, header: { padding: '18px 22px 10px' }, body: { padding: '0 22px 22px' } }}
    />
  );
}
