import { describeCuts } from './cuts.js'
import { changes } from './operations.js'

describeCuts(changes)
