/**
 * Metrics of all clients of a process for prom-client, which has to be installed beside this package.
 *
 * @packageDocumentation
 */
import type { Registry } from 'prom-client'
import { Counter, Gauge, Histogram, register as defaultRegister } from 'prom-client'
import type { ConnectTrace, PoolTrace, RequestTrace, RetryTrace } from './channels.js'
import { channels } from './channels.js'

/** Whatever knows how its connections are: a `FastDfsClient`. */
export interface StatsSource {
  /** As `FastDfsClient.stats` gives them. */
  stats(): {
    readonly endpoints: readonly {
      readonly endpoint: string
      readonly health: string
      readonly inUse: number
      readonly idle: number
      readonly waiting: number
    }[]
  }
}

/** How metrics are collected. */
export interface MetricsOptions {
  /** Where they are registered. Default: prom-client's own registry. */
  readonly register?: Registry | undefined
  /** What their names begin with. @defaultValue 'fastdfs_' */
  readonly prefix?: string | undefined
  /** Upper bounds of the times' buckets, in seconds. Default: from 1 ms to 30 s. */
  readonly buckets?: number[] | undefined
  /** Clients whose connections are counted at each scrape. */
  readonly clients?: readonly StatsSource[] | undefined
}

/** Metrics that are being collected. */
export interface Metrics {
  /** Collects no more, and takes them out of the registry. */
  stop(): void
}

const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/**
 * Collects metrics from the channels of all clients in this process, until `stop`.
 *
 * | metric | labels |
 * |---|---|
 * | `fastdfs_request_duration_seconds` | `command`, `outcome`: `ok`, or the error's code |
 * | `fastdfs_bytes_total` | `command`, `direction`: `sent` (content), `received` (answers) |
 * | `fastdfs_connect_duration_seconds` | `endpoint`, `outcome` |
 * | `fastdfs_pool_wait_seconds` | `endpoint`, `outcome` |
 * | `fastdfs_retries_total` | `command`, `code` |
 * | `fastdfs_connections` | `endpoint`, `state`: `in_use`, `idle`; of the `clients` |
 * | `fastdfs_waiting_calls` | `endpoint`; of the `clients` |
 * | `fastdfs_endpoint_up` | `endpoint`: 1 while it works; of the `clients` |
 *
 * @example
 * ```ts
 * import { collectMetrics } from 'fastdfs/prometheus'
 * import { register } from 'prom-client'
 *
 * collectMetrics({ clients: [client] })
 * response.end(await register.metrics())
 * ```
 */
export function collectMetrics({
  register = defaultRegister,
  prefix = 'fastdfs_',
  buckets = BUCKETS,
  clients = [],
}: MetricsOptions = {}): Metrics {
  const registers = [register]
  const histogram = <L extends string>(name: string, help: string, labelNames: L[]): Histogram<L> =>
    new Histogram({ name: prefix + name, help, labelNames, buckets, registers })
  const counter = <L extends string>(name: string, help: string, labelNames: L[]): Counter<L> =>
    new Counter({ name: prefix + name, help, labelNames, registers })

  const requests = histogram('request_duration_seconds', 'Time of requests', ['command', 'outcome'])
  const bytes = counter('bytes_total', 'Bytes of content sent and of answers received', [
    'command',
    'direction',
  ])
  const connects = histogram('connect_duration_seconds', 'Time to connect', ['endpoint', 'outcome'])
  const waits = histogram('pool_wait_seconds', 'Time until a call had a connection', ['endpoint', 'outcome'])
  const retries = counter('retries_total', 'Attempts that failed and were made again', ['command', 'code'])

  const subscriptions = [
    timed(channels.request, (trace: RequestTrace, seconds) => {
      const { command, bytesSent, bytesReceived } = trace
      requests.observe({ command, outcome: outcomeOf(trace) }, seconds)
      bytes.inc({ command, direction: 'sent' }, bytesSent)
      bytes.inc({ command, direction: 'received' }, bytesReceived)
    }),
    timed(channels.connect, (trace: ConnectTrace, seconds) =>
      connects.observe({ endpoint: trace.endpoint, outcome: outcomeOf(trace) }, seconds),
    ),
    timed(channels.pool, (trace: PoolTrace, seconds) =>
      waits.observe({ endpoint: trace.endpoint, outcome: outcomeOf(trace) }, seconds),
    ),
    onRetry(({ error }) => {
      const { command = 'none', code = 'none' } = error as { command?: string; code?: string }
      retries.inc({ command, code })
    }),
  ]
  const names = [
    'request_duration_seconds',
    'bytes_total',
    'connect_duration_seconds',
    'pool_wait_seconds',
    'retries_total',
  ]
  if (clients.length > 0) names.push(...gauges(clients, registers, prefix))
  return {
    stop: () => {
      for (const unsubscribe of subscriptions) unsubscribe()
      for (const name of names) register.removeSingleMetric(prefix + name)
    },
  }
}

/** What is counted when somebody asks; the names. */
function gauges(clients: readonly StatsSource[], registers: Registry[], prefix: string): string[] {
  const endpoints = (): ReturnType<StatsSource['stats']>['endpoints'] =>
    clients.flatMap((client) => client.stats().endpoints)
  new Gauge({
    name: `${prefix}connections`,
    help: 'Open connections',
    labelNames: ['endpoint', 'state'],
    registers,
    collect() {
      this.reset()
      for (const { endpoint, inUse, idle } of endpoints()) {
        this.inc({ endpoint, state: 'in_use' }, inUse)
        this.inc({ endpoint, state: 'idle' }, idle)
      }
    },
  })
  new Gauge({
    name: `${prefix}waiting_calls`,
    help: 'Calls that wait for a connection',
    labelNames: ['endpoint'],
    registers,
    collect() {
      this.reset()
      for (const { endpoint, waiting } of endpoints()) this.inc({ endpoint }, waiting)
    },
  })
  new Gauge({
    name: `${prefix}endpoint_up`,
    help: '1 while a server works, 0 while it is avoided',
    labelNames: ['endpoint'],
    registers,
    collect() {
      this.reset()
      for (const { endpoint, health } of endpoints()) this.set({ endpoint }, health === 'closed' ? 1 : 0)
    },
  })
  return ['connections', 'waiting_calls', 'endpoint_up']
}

function outcomeOf({ error }: { error?: unknown }): string {
  return error === undefined ? 'ok' : ((error as { code?: string }).code ?? 'error')
}

/** Tells of everything that ends on a channel, with how many seconds it took; gives what stops that. */
function timed<T extends object>(
  { start, asyncEnd }: { start: Subscribable; asyncEnd: Subscribable },
  tell: (trace: T, seconds: number) => void,
): () => void {
  const begun = new WeakMap<object, number>()
  const onStart = (trace: unknown): void => void begun.set(trace as T, performance.now())
  const onEnd = (trace: unknown): void => {
    const beganAt = begun.get(trace as T)
    // What began before nobody can time.
    if (beganAt !== undefined) tell(trace as T, (performance.now() - beganAt) / 1000)
  }
  start.subscribe(onStart)
  asyncEnd.subscribe(onEnd)
  return () => {
    start.unsubscribe(onStart)
    asyncEnd.unsubscribe(onEnd)
  }
}

interface Subscribable {
  subscribe(listener: (message: unknown) => void): void
  unsubscribe(listener: (message: unknown) => void): void
}

function onRetry(tell: (retry: RetryTrace) => void): () => void {
  const listener = (message: unknown): void => tell(message as RetryTrace)
  channels.retry.subscribe(listener)
  return () => void channels.retry.unsubscribe(listener)
}
