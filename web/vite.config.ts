// How the page is built, and where the development server sends what belongs to the API.
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

const server = process.env.SLOTWISE_URL ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [react()],
  build: { outDir: 'dist', sourcemap: false, assetsInlineLimit: 0, target: 'es2022' },
  server: {
    proxy: {
      '/api': server,
      '/socket.io': { target: server, ws: true },
    },
  },
  test: {
    environment: 'happy-dom',
    include: ['src/**/*.test.{ts,tsx}'],
    setupFiles: ['src/app/setup.test-env.ts'],
  },
});
