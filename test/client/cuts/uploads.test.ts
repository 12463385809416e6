import { describeCuts } from './cuts.js'
import { uploads } from './operations.js'

describeCuts(uploads)
