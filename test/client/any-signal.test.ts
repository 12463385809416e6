/** Signals that are not Node's own: `AbortSignal.any` would never be aborted by them. */
import { anySignal } from '../../src/client/any-signal.js'
import { fakeCluster, rejection, STORED } from './fakes.js'

/** As far as a polyfill goes. */
class ForeignSignal extends EventTarget {
  aborted = false
  reason: unknown

  abort(reason: unknown): void {
    this.aborted = true
    this.reason = reason
    this.dispatchEvent(new Event('abort'))
  }
}

const asSignal = (signal: ForeignSignal): AbortSignal => signal as unknown as AbortSignal

it('follows signals of any kind, with their reason', () => {
  const foreign = new ForeignSignal()
  const one = anySignal([new AbortController().signal, asSignal(foreign)])
  const other = anySignal([asSignal(foreign)])
  expect([one.aborted, other.aborted]).toEqual([false, false])
  foreign.abort('why')
  expect([one.reason, other.reason]).toEqual(['why', 'why'])
  expect(anySignal([asSignal(foreign)]).reason).toBe('why')
  expect(anySignal([AbortSignal.abort('own'), asSignal(new ForeignSignal())]).reason).toBe('own')
})

it('ends an upload that can be resumed', async () => {
  await using cluster = await fakeCluster({ 23: STORED })
  const foreign = new ForeignSignal()
  const upload = await cluster.client.resumableUpload(Buffer.alloc(20), {
    chunkSize: 8,
    signal: asSignal(foreign),
    onCheckpoint: () => foreign.abort('enough'),
  })
  expect(await rejection(upload.done())).toMatchObject({ name: 'AbortError', cause: 'enough' })
  expect(upload.transferred).toBe(8)
})

it('ends an item of a batch', async () => {
  const [outer, own] = [new ForeignSignal(), new ForeignSignal()]
  await using cluster = await fakeCluster({ 11: () => own.abort('this one') })
  const items = [{ source: Buffer.from('x'), signal: asSignal(own) }]
  const [result] = await cluster.client.uploadFiles(items, { signal: asSignal(outer) })
  expect(result).toMatchObject({ status: 'rejected', reason: { name: 'AbortError', cause: 'this one' } })
  expect(cluster.commands()).toEqual([11])
})
