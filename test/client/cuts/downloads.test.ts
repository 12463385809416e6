import { cutEverywhere } from './cuts.js'
import { downloads, queries } from './operations.js'
import { World } from './world.js'

let world: World

beforeAll(async () => {
  world = await World.open()
})
afterAll(() => world[Symbol.asyncDispose]())

describe.each([...downloads, ...queries])('$name', (operation) => {
  it.each(['end', 'reset', 'stall'] as const)(
    'is done or not, and leaves nothing behind, when its connections are cut anywhere: %s',
    async (how) => {
      expect(await cutEverywhere(world, operation, how)).toBeGreaterThanOrEqual(6)
    },
    60_000,
  )
})
