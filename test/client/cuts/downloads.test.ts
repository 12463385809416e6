import { describeCuts } from './cuts.js'
import { downloads, queries } from './operations.js'

describeCuts([...downloads, ...queries])
