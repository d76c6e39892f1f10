// Signing in and out. Whoever signs in starts with nothing of the one before.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { KeyMade, Me, Profile } from '../../api/types';
import { ask, keepApiKey } from '../../lib/http';
import { chooseLanguage, isLanguage } from '../../lib/i18n';

export function useDemoSignIn() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (person: string) => ask<Me>('/api/demo/sign-in', { method: 'POST', body: { person } }),
    onSuccess: (me) => {
      keepApiKey(null);
      queries.removeQueries({ predicate: (query) => query.queryKey[0] !== 'me' });
      queries.setQueryData(['me'], me);
    },
  });
}

export function useKeySignIn() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (key: string) => {
      keepApiKey(key);
      try {
        return await ask<Me>('/api/me');
      } catch (cause) {
        keepApiKey(null);
        throw cause;
      }
    },
    onSuccess: (me) => queries.setQueryData(['me'], me),
  });
}

export function useSignOut() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (me: Me) => {
      keepApiKey(null);
      if (me.demo) await ask<void>('/api/demo/sign-out', { method: 'POST' });
      else await ask<void>('/api/session', { method: 'DELETE' });
    },
    onSuccess: () => {
      queries.setQueryData(['me'], null);
      queries.removeQueries({ predicate: (query) => query.queryKey[0] !== 'me' });
    },
  });
}

/** Any of the ways in that end signed in: with a password, by a link, at the first start. */
export function useComeIn<Body>(path: string, method: 'POST' | 'PUT' = 'POST') {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: Body) => ask<Profile>(path, { method, body }),
    onSuccess: async (profile) => {
      keepApiKey(null);
      queries.setQueryData(['profile'], profile);
      if (isLanguage(profile.language)) await chooseLanguage(profile.language);
      await queries.invalidateQueries({ queryKey: ['sessions'] });
      await queries.refetchQueries({ queryKey: ['me'] });
    },
  });
}

/** The way to the provider leads away from this page, and back to it. */
export function useProvider() {
  return useMutation({
    mutationFn: async (body: { purpose: 'sign_in' | 'link' | 'invitation'; token?: string }) => {
      const { url } = await ask<{ url: string }>('/api/oidc/begin', { method: 'POST', body });
      window.location.assign(url);
    },
  });
}

export function useAskForReset() {
  return useMutation({ mutationFn: (email: string) => ask<void>('/api/password-reset', { method: 'POST', body: { email } }) });
}

export function usePutProfile() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: { language: string | null; zone: string | null }) => ask<Profile>('/api/me/profile', { method: 'PUT', body }),
    onSuccess: async (profile) => {
      queries.setQueryData(['profile'], profile);
      queries.setQueryData<Me | null>(['me'], (me) => me && { ...me, language: profile.language, zone: profile.zone });
      if (isLanguage(profile.language)) await chooseLanguage(profile.language);
    },
  });
}

/** Null ends all sessions but this one. */
export function useEndSession() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (id: string | null) => ask<void>(`/api/me/sessions${id === null ? '' : `/${id}`}`, { method: 'DELETE' }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['sessions'] }),
  });
}

export function useMakeKey() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: { label: string; scopes: string[]; days?: number }) => ask<KeyMade>('/api/me/keys', { method: 'POST', body }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['keys'] }),
  });
}

export function useRevokeKey() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => ask<void>(`/api/me/keys/${id}`, { method: 'DELETE' }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['keys'] }),
  });
}
