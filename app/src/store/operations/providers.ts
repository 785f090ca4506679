import type { KeptProvider } from '../provider-store.ts';
import { notFound, type Session } from './session.ts';

export const providerReading = {
  async listProviders(session: Session, owner: string): Promise<KeptProvider[]> {
    const rows = await session.database
      .selectFrom('provider')
      .selectAll()
      .where('owner', '=', owner)
      .orderBy('name')
      .execute();
    return rows.map(({ name, kind, url, sealed_key: sealedKey }) => ({
      name,
      kind: kind as KeptProvider['kind'],
      url,
      sealedKey,
    }));
  },
};

export const providerWriting = {
  async saveProvider(session: Session, owner: string, provider: KeptProvider): Promise<void> {
    const columns = { kind: provider.kind, url: provider.url, sealed_key: provider.sealedKey };
    await session.database
      .insertInto('provider')
      .values({ owner, name: provider.name, ...columns })
      .onConflict((conflict) => conflict.columns(['owner', 'name']).doUpdateSet(columns))
      .execute();
  },

  async deleteProvider(session: Session, owner: string, name: string): Promise<void> {
    const result = await session.database
      .deleteFrom('provider')
      .where('owner', '=', owner)
      .where('name', '=', name)
      .executeTakeFirst();
    if (result.numDeletedRows === 0n) throw notFound('provider');
  },
};
