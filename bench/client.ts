/** What every contender can do: one method for each thing that is measured. */
export interface BenchClient {
  upload(content: Buffer): Promise<string>
  download(id: string): Promise<Buffer>
  delete(id: string): Promise<void>
  /** Sets metadata and reads it back; gives how many items there are. */
  metadata(id: string): Promise<number>
  /** Asks a tracker, then the storage for the size. */
  info(id: string): Promise<number>
  /** Asks a tracker where to upload. */
  query(): Promise<void>
  uploadPath(path: string): Promise<string>
  /** These two give the bytes that arrived. */
  downloadPath(id: string, path: string): Promise<number>
  downloadDiscarded(id: string): Promise<number>
  close(): Promise<void>
}

/** The metadata that every contender sets. */
export const METADATA: readonly (readonly [string, string])[] = [
  ['author', 'bench'],
  ['height', '1080'],
  ['width', '1920'],
]
