import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** As with `node --expose-gc`, which a run of jest has no say in. */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  ;(runInNewContext('gc') as () => void)()
}
