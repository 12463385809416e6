/** A small application: it keeps the avatars of users in FastDFS. */
import { FileNotFoundError } from 'fastdfs'

export class Avatars {
  #client
  #fileIds = new Map()

  /** @param {import('fastdfs').FastDfsClient} client */
  constructor(client) {
    this.#client = client
  }

  /** Keeps an avatar, in the place of the one before. */
  async put(user, image) {
    const before = this.#fileIds.get(user)
    const { id } = await this.#client.uploadFile(image, { ext: 'png', metadata: { user } })
    this.#fileIds.set(user, id)
    if (before !== undefined) await this.#client.deleteFile(before)
    return id
  }

  /** The avatar of a user; undefined where there is none, or where it was lost. */
  async get(user) {
    const id = this.#fileIds.get(user)
    if (id === undefined) return undefined
    try {
      return await this.#client.downloadFile(id)
    } catch (error) {
      if (error instanceof FileNotFoundError) return undefined
      throw error
    }
  }
}
