/** That every method of the client is an operation of the fault suite. */
import * as api from '../../src/index.js'
import { OPERATIONS } from './operations.js'

/** They ask nobody. */
const LOCAL = ['fromConfig', 'fromEnvironment', 'stats']

function publicMethods(type: { prototype: object }): string[] {
  return Object.getOwnPropertyNames(type.prototype).filter((name) => name !== 'constructor')
}

const methods = [
  ...Object.getOwnPropertyNames(api.FastDfsClient).filter(
    (name) => !['length', 'name', 'prototype'].includes(name),
  ),
  ...publicMethods(api.FastDfsClient),
  ...publicMethods(api.TrackerClient).map((name) => `tracker.${name}`),
  ...publicMethods(api.AdminClient).map((name) => `admin.${name}`),
]

it('every method of the client is an operation that faults strike, and every operation a method', () => {
  const struck = OPERATIONS.map(({ name }) => name.split(' ', 1)[0] as string)
  expect([...new Set([...struck, ...LOCAL])].sort()).toEqual([...methods].sort())
})

it('every operation and every step has a name of its own', () => {
  const names = OPERATIONS.map(({ name }) => name)
  expect(names).toHaveLength(new Set(names).size)
  for (const { steps } of OPERATIONS) {
    const commands = steps.map(({ command }) => command)
    expect(commands).toHaveLength(new Set(commands).size)
  }
})
