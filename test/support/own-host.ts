/**
 * Where members of this process listen that others must not stand in for. On an address of their own where the system
 * has more than one: another program may get the port of a member that is away, and take its files.
 */
export const OWN_HOST =
  process.platform === 'linux'
    ? `127.${64 + ((process.pid >> 16) & 63)}.${(process.pid >> 8) & 255}.${process.pid & 255}`
    : '127.0.0.1'
