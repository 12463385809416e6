/** OpenTelemetry: a span for every request and connect, within the span of whoever made the call. */
import { tracingChannel } from 'node:diagnostics_channel'
import type { Span } from '@opentelemetry/api'
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import type { ConnectTrace, FastDfsError, RequestTrace } from 'fastdfs'
import { CHANNELS } from 'fastdfs'
import { withClient } from './with-client.js'

// An application has this already, with an exporter to its own collector.
const exporter = new InMemorySpanExporter()
trace.setGlobalTracerProvider(
  new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
)
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())

const tracer = trace.getTracer('fastdfs')

function traceAs<T extends object>(
  channel: string,
  name: (event: T) => string,
  attributes: (event: T) => object,
): void {
  const spans = new WeakMap<T, Span>()
  const { start, asyncEnd } = tracingChannel<unknown, T>(channel)
  start.subscribe((event) => {
    spans.set(event as T, tracer.startSpan(name(event as T), { kind: SpanKind.CLIENT }))
  })
  asyncEnd.subscribe((event) => {
    const span = spans.get(event as T)
    const error = (event as { error?: FastDfsError }).error
    if (error !== undefined) {
      span?.recordException(error)
      span?.setStatus({ code: SpanStatusCode.ERROR, message: error.message })
    }
    span?.setAttributes({ ...attributes(event as T) }).end()
  })
}

traceAs<RequestTrace>(
  CHANNELS.request,
  ({ command }) => `fastdfs ${command}`,
  ({ endpoint, group = '', attempt, bytesSent, bytesReceived }) => ({
    'server.address': endpoint,
    'fastdfs.group': group,
    'fastdfs.attempt': attempt,
    'fastdfs.bytes_sent': bytesSent,
    'fastdfs.bytes_received': bytesReceived,
  }),
)
traceAs<ConnectTrace>(
  CHANNELS.connect,
  () => 'fastdfs connect',
  ({ endpoint }) => ({ 'server.address': endpoint }),
)

await withClient(async (client) => {
  await tracer.startActiveSpan('store a photo', async (span) => {
    const { id } = await client.uploadFile(Buffer.from('a photo'), { ext: 'jpg' })
    await client.deleteFile(id)
    span.end()
  })
})

for (const { name, attributes } of exporter.getFinishedSpans()) console.log(name, attributes)
