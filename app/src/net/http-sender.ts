import { lookup as systemLookup } from 'node:dns';
import type { Agent, buildConnector, Dispatcher, EnvHttpProxyAgent, request as sendRequest } from 'undici';
import { AppError } from '../contracts/app-error.ts';
import type { DestinationGate } from './destination.ts';

/** Empty where there is none. A proxy looks names up itself, so where they lead is its operator's rule to keep. */
export interface ProxySettings {
  httpsProxy: string;
  httpProxy: string;
  noProxy: readonly string[];
}

export interface SenderOptions {
  /** Most connections to one server at a time, others wait; default 16. */
  connections?: number;
  /** From dialling to a connection that can be used; default 15 s. */
  connectMs?: number;
  proxy?: ProxySettings;
}

/** What dials, and keeps connections for the next request. */
export interface Sender {
  agent: Dispatcher;
  send: typeof sendRequest;
}

/** With the first request only: a server that never asks anybody does without undici. */
export async function createSender(gate: DestinationGate, options: SenderOptions): Promise<Sender> {
  const { Agent, buildConnector, EnvHttpProxyAgent, request } = await import('undici');
  const { connections = 16, connectMs = 15_000, proxy } = options;
  const agentOptions: Agent.Options = {
    connections,
    keepAliveTimeout: 10_000,
    allowH2: false,
    connectTimeout: connectMs,
    connect: checkedConnector(gate, buildConnector, connectMs),
  };
  const agent = hasProxy(proxy)
    ? new EnvHttpProxyAgent({
        ...agentOptions,
        ...speakable(proxy),
        noProxy: ['localhost', '127.0.0.1', '::1', ...proxy.noProxy].join(),
      })
    : new Agent(agentOptions);
  return { agent, send: request };
}

export function hasProxy(proxy: ProxySettings | undefined): proxy is ProxySettings {
  return proxy !== undefined && (proxy.httpsProxy !== '' || proxy.httpProxy !== '');
}

/** Stands for a proxy of a kind that is not spoken here: asking it fails, asking around it does not. */
const unspeakableProxy = 'http://proxy.invalid';

function speakable({ httpsProxy, httpProxy }: ProxySettings): EnvHttpProxyAgent.Options {
  const foreign = [httpsProxy, httpProxy].find((address) => address !== '' && !/^https?:/i.test(address));
  if (foreign === undefined) return { httpsProxy, httpProxy };
  const refuse = (address: string): string => (/^(https?:|$)/i.test(address) ? address : unspeakableProxy);
  return {
    httpsProxy: refuse(httpsProxy),
    httpProxy: refuse(httpProxy),
    proxyTls: {
      lookup: (host, options, callback) =>
        host === new URL(unspeakableProxy).hostname
          ? callback(notSpoken(foreign), [])
          : systemLookup(host, options, callback),
    },
  };
}

function notSpoken(proxy: string): AppError {
  const scheme = new URL(proxy).protocol;
  return new AppError(
    'network-failed',
    `The proxy of this machine is one for ${scheme}//, which Corral does not speak.`,
    {
      hint: 'Name one with http:// or https:// in HTTPS_PROXY or HTTP_PROXY, or in NO_PROXY the hosts to ask without one.',
      details: { final: true },
    },
  );
}

/** Dials what is not asked through a proxy. */
function checkedConnector(
  gate: DestinationGate,
  build: typeof buildConnector,
  connectMs: number,
): buildConnector.connector {
  return (target, callback) => {
    const port = Number(target.port) || (target.protocol === 'https:' ? 443 : 80);
    const connect = build({ allowH2: false, timeout: connectMs, lookup: gate.lookupFor(port) });
    connect(target, (error, socket) => {
      if (error !== null) return callback(error, null);
      try {
        // A literal address is never looked up, so what was really dialled is checked as well.
        gate.checkAddress(target.hostname.toLowerCase(), port, socket.remoteAddress ?? '');
      } catch (refusal) {
        socket.destroy();
        return callback(refusal as Error, null);
      }
      callback(null, socket);
    });
  };
}
