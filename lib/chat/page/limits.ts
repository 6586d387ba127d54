/**
 * The one limit of the protocol that the page has to know by itself. A constant alone, for browsers and tests alike.
 */

/** As `CHAT_LIMITS.maxTextBytes`, which is in a file that is not for browsers; a test compares them. */
export const MAX_TEXT_BYTES = 8_192;
