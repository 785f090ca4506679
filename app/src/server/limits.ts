/** Every bound of the server, with its reason. Parsers and gates take them from here. */

/** JSON of an ordinary call: settings with a schema of 64 KB and a long system prompt fit well. */
export const jsonLimitBytes = 2 * 1024 * 1024;
/** Nothing that we accept nests deeper; a JSON schema may have 32 levels. */
export const jsonMaxDepth = 64;
/** A thousand biases, a deep schema and all settings together stay far below. */
export const jsonMaxKeys = 10_000;
/**
 * All values together: 2,000 messages of a few parts and a schema of 64 KB stay below. Each that is wrong costs a schema
 * up to 10 µs and 2 KB, in which nobody else is answered.
 */
export const jsonMaxValues = 30_000;
/** A prompt of the compatibility APIs: whole histories are sent each time. */
export const promptLimitBytes = 16 * 1024 * 1024;
/** Prompts as token ids: the size bounds them, and a list of them is looked at in one go. */
export const maxTokenValues = 4_000_000;
/** Ids of one prompt; no context is longer. */
export const maxTokenIds = 1_048_576;
/** A conversation sent to /v1/chat/completions; beyond it no context could hold it anyway. */
export const maxPromptMessages = 2_000;
/** As OpenAI has it, of texts to embed and of prompts to complete. */
export const maxInputs = 2048;
/** Of one message; nobody divides a text further. */
export const maxMessageParts = 1_000;
/** Schemas are compiled into grammars; larger ones are an attack or a mistake. */
export const maxSchemaBytes = 64 * 1024;
export const maxSchemaDepth = 32;

/** All headers together. */
export const headerLimitBytes = 16 * 1024;
/** Headers have to be here by then (slowloris). */
export const headersTimeoutMs = 10_000;
/** A body has to be here by then; an import of 128 MB over a slow line takes minutes. */
export const bodyTimeoutMs = 300_000;
/** A backup that is sent as a file may take hours, but not stand still for so long. */
export const silentUploadMs = 60_000;
/** Longer than the idle time of the usual proxies (60 s), so that they never reuse a closed connection. */
export const keepAliveTimeoutMs = 72_000;
/** Sockets beyond it are refused: each stream of a tab holds one. */
export const maxConnections = 10_000;
/** A model id with adapters and revisions, percent-encoded, in an address. */
export const maxParameterLength = 2_048;

/** Text waiting for one slow watcher; more is not read from the run until it is sent. */
export const streamBufferBytes = 1024 * 1024;
/** A watcher that takes nothing for so long is let go; it comes back with its offset. */
export const stalledWatcherMs = 30_000;
/** Under the 20 s after which the Python client of Gradio gives up, and the 60 s of proxies. */
export const heartbeatMs = 15_000;
/** A tab's stream waits so long for its reader. */
export const streamIdleMs = 60_000;
export const maxStreamsPerOwner = 1_000;
export const maxWatchesPerStream = 64;

/** A stop has to be over by then, whatever is going on. */
export const closeTimeoutMs = 15_000;
/** Answers of compatibility clients may end by themselves for so long while stopping. */
export const drainTimeoutMs = 5_000;

/** Wrong keys from one address within a quarter of an hour; then it waits. */
export const maxFailedKeys = 10;
export const failedKeyWindowMs = 15 * 60_000;
/** A signed-in browser stays so for this long. */
export const sessionLifetimeMs = 30 * 24 * 60 * 60_000;
