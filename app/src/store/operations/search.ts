import { sql } from 'kysely';
import type { SearchHit } from '../../contracts/chats.ts';
import {
  bestPlace,
  findParts,
  findWords,
  type Hit,
  queryParts,
  type QueryWord,
  queryWords,
} from '../search-words.ts';
import { inPieces, outsideTrash, type SearchTable, type Session } from './session.ts';

/** So many of the newest matches are looked at for the best ones. */
const maxCandidates = 200;
const maxHitsPerChat = 3;
/** Longer messages are searched by the index, but their excerpt is looked for only in the beginning. */
const maxExcerptSource = 200_000;

interface Candidate {
  chatId: string;
  messageId: string | null;
  title: string;
  text: string;
  updatedAt: number;
}

interface Query {
  owner: string;
  words: QueryWord[];
  /** Looked for instead of words where the script knows none. */
  parts: string[];
}

export const searching = {
  async searchChats(
    session: Session,
    owner: string,
    request: { text: string; limit: number },
  ): Promise<SearchHit[]> {
    const query: Query = { owner, words: queryWords(request.text), parts: queryParts(request.text) };
    if (query.words.length === 0 && query.parts.length === 0) return [];
    const titles = await readTitles(session, await matching(session, 'chat', query));
    const messages = await readMessages(session, await matching(session, 'message', query));
    const ranked = [...titles, ...messages].map((candidate) => rank(candidate, query));
    ranked.sort((a, b) => b.closeWords - a.closeWords || Number(b.isTitle) - Number(a.isTitle));
    return firstOfEachChat(ranked.map(({ hit }) => hit)).slice(0, request.limit);
  },
};

function matching(session: Session, table: SearchTable, query: Query): Promise<number[]> {
  if (query.parts.length > 0) return matchParts(session, table, query);
  return session.dialect.match(session.database, {
    table,
    owner: query.owner,
    words: query.words,
    limit: maxCandidates,
  });
}

async function matchParts(session: Session, table: SearchTable, query: Query): Promise<number[]> {
  const column = sql.ref(table === 'chat' ? 'title' : 'content');
  const patterns = query.parts.map((part) => `%${part.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`);
  const rows = await session.database
    .selectFrom(table)
    .select('sequence')
    .where('owner', '=', query.owner)
    .where(outsideTrash(table))
    .where((where) => where.and(patterns.map((pattern) => session.dialect.like(column, pattern))))
    .orderBy('sequence', 'desc')
    .limit(maxCandidates)
    .execute();
  return rows.map((row) => row.sequence);
}

async function readTitles(session: Session, sequences: number[]): Promise<Candidate[]> {
  const candidates: Candidate[] = [];
  for (const piece of inPieces(sequences)) {
    const rows = await session.database
      .selectFrom('chat')
      .select(['id', 'title', 'updated_at'])
      .where('sequence', 'in', piece)
      .orderBy('updated_at', 'desc')
      .execute();
    for (const row of rows)
      candidates.push({
        chatId: row.id,
        messageId: null,
        title: row.title,
        text: row.title,
        updatedAt: row.updated_at,
      });
  }
  return candidates;
}

async function readMessages(session: Session, sequences: number[]): Promise<Candidate[]> {
  const candidates: Candidate[] = [];
  for (const piece of inPieces(sequences)) {
    const rows = await session.database
      .selectFrom('message')
      .innerJoin('chat', 'chat.id', 'message.chat_id')
      .select(['message.id', 'message.chat_id', 'chat.title', 'chat.updated_at', 'message.sequence'])
      .select(sql<string>`substr(message.content, 1, ${sql.lit(maxExcerptSource)})`.as('text'))
      .where('message.sequence', 'in', piece)
      .orderBy('message.sequence', 'desc')
      .execute();
    for (const row of rows)
      candidates.push({
        chatId: row.chat_id,
        messageId: row.id,
        title: row.title,
        text: row.text,
        updatedAt: row.updated_at,
      });
  }
  return candidates;
}

interface Ranked {
  hit: SearchHit;
  closeWords: number;
  isTitle: boolean;
}

function rank(candidate: Candidate, query: Query): Ranked {
  const { text, ...rest } = candidate;
  const words = query.words.map(({ folded }) => folded);
  const hits: Hit[] = query.parts.length === 0 ? findWords(text, words) : findParts(text, query.parts);
  const { excerpt, closeWords } = bestPlace(text, hits);
  return { hit: { ...rest, excerpt }, closeWords, isTitle: candidate.messageId === null };
}

function firstOfEachChat(hits: SearchHit[]): SearchHit[] {
  const seen = new Map<string, number>();
  return hits.filter((hit) => {
    const count = (seen.get(hit.chatId) ?? 0) + 1;
    seen.set(hit.chatId, count);
    return count <= maxHitsPerChat;
  });
}
