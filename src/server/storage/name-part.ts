/** Characters of an extension and of a prefix (protocol.md §1.2). */
export const NAME_PART = /^[0-9A-Za-z._-]*$/
