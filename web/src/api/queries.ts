import { QueryClient, useQuery } from '@tanstack/react-query';
import { ApiError } from './request.ts';
import { jobsApi, logApi, modelsApi, providersApi, settingsApi, systemApi } from './resources.ts';

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      // Notices of the stream say when something changed; asking on every focus would only load the server.
      staleTime: 60_000,
      refetchOnWindowFocus: false,
      retry: (count, error) => error instanceof ApiError && error.isUnreachable && count < 5,
    },
  },
});

export const keys = {
  chats: ['chats'] as const,
  trash: ['trash'] as const,
  models: ['models'] as const,
  catalogue: ['catalogue'] as const,
  disk: ['disk'] as const,
  adapters: ['adapters'] as const,
  jobs: ['jobs'] as const,
  system: ['system'] as const,
  preferences: ['preferences'] as const,
  presets: ['presets'] as const,
  effective: ['effective'] as const,
  log: ['log'] as const,
  providers: ['providers'] as const,
};

export const useSystem = () => useQuery({ queryKey: keys.system, queryFn: systemApi.show });
export const useSession = () => useQuery({ queryKey: ['session'], queryFn: systemApi.session });
/** Who waits changes by the second. */
export const useLoad = () =>
  useQuery({ queryKey: ['load'], queryFn: systemApi.load, refetchOnMount: 'always', refetchInterval: 2_000 });
export const useModels = () => useQuery({ queryKey: keys.models, queryFn: modelsApi.list });
export const useCatalogue = (isWanted = true) =>
  useQuery({ queryKey: keys.catalogue, queryFn: modelsApi.catalogue, enabled: isWanted });
export const useDisk = () => useQuery({ queryKey: keys.disk, queryFn: modelsApi.disk });
export const useAdapters = () => useQuery({ queryKey: keys.adapters, queryFn: modelsApi.adapters });
export const useJobs = () => useQuery({ queryKey: keys.jobs, queryFn: jobsApi.list });
export const usePreferences = (isWanted = true) =>
  useQuery({ queryKey: keys.preferences, queryFn: settingsApi.preferences, enabled: isWanted });
export const usePresets = () => useQuery({ queryKey: keys.presets, queryFn: settingsApi.presets });
/** Deliveries go on by themselves, of which no notice tells. */
const whileLookedAt = { refetchOnMount: 'always', refetchInterval: 3_000 } as const;
export const useLog = () => useQuery({ queryKey: keys.log, queryFn: logApi.status, ...whileLookedAt });
export const useDeadLetters = () =>
  useQuery({ queryKey: [...keys.log, 'dead'], queryFn: logApi.dead, ...whileLookedAt });
export const useProviders = (isWanted = true) =>
  useQuery({ queryKey: keys.providers, queryFn: providersApi.list, enabled: isWanted });

export const useEffective = (query: { chatId?: string; model?: string }) =>
  useQuery({
    queryKey: [...keys.effective, query],
    queryFn: () => settingsApi.effective(query),
    placeholderData: (previous) => previous,
  });

export function invalidate(...lists: (readonly unknown[])[]): void {
  for (const queryKey of lists) void queryClient.invalidateQueries({ queryKey });
}
