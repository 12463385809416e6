import { startTimer, stopTimer } from '../server/clock.js'

/** By which timers the delays of faults pass. The fault suite of this project puts those of its own clock here. */
export const delays = { start: startTimer, stop: stopTimer }
