/** Octet sequences around every border of RFC 3629 §4's table, as hexadecimal: data only. */

export const VALID_UTF8: readonly (readonly [title: string, hex: string])[] = [
  ['U+0000', '00'], ['U+007F', '7f'],
  ['U+0080', 'c280'], ['U+07FF', 'dfbf'],
  ['U+0800', 'e0a080'], ['U+0FFF', 'e0bfbf'], ['U+1000', 'e18080'], ['U+CFFF', 'ecbfbf'],
  ['U+D000', 'ed8080'], ['U+D7FF', 'ed9fbf'], ['U+E000', 'ee8080'], ['U+FFFF', 'efbfbf'], ['U+FEFF', 'efbbbf'],
  ['U+10000', 'f0908080'], ['U+3FFFF', 'f0bfbfbf'], ['U+40000', 'f1808080'], ['U+FFFFF', 'f3bfbfbf'],
  ['U+100000', 'f4808080'], ['U+10FFFF', 'f48fbfbf'],
];

export const INVALID_UTF8: readonly (readonly [title: string, hex: string])[] = [
  ['a continuation octet alone, the lowest', '80'], ['a continuation octet alone, the highest', 'bf'],
  ['C0 begins only overlong forms', 'c080'], ['C1 begins only overlong forms', 'c1bf'],
  ['two octets, second too low', 'c27f'], ['two octets, second too high', 'c2c0'], ['two octets, second too high at the top', 'dfc0'],
  ['overlong in three octets, the lowest', 'e08080'], ['overlong in three octets, the highest', 'e09fbf'],
  ['E0 with a second octet too high', 'e0c080'], ['three octets, third too low', 'e0a07f'], ['three octets, third too high', 'e0a0c0'],
  ['E1 with a second octet too low', 'e17f80'], ['E1 with a second octet too high', 'e1c080'],
  ['EC with a second octet too high', 'ecc080'], ['ED with a second octet too low', 'ed7f80'],
  ['the lowest surrogate', 'eda080'], ['the highest surrogate', 'edbfbf'], ['a surrogate pair (CESU-8)', 'eda081edb080'],
  ['EE with a second octet too low', 'ee7f80'], ['EF with a third octet too high', 'efbfc0'],
  ['overlong in four octets, the lowest', 'f0808080'], ['overlong in four octets, the highest', 'f08fbfbf'],
  ['F0 with a second octet too high', 'f0c08080'], ['four octets, third too low', 'f0907f80'], ['four octets, third too high', 'f090c080'],
  ['four octets, fourth too low', 'f090807f'], ['four octets, fourth too high', 'f09080c0'],
  ['F1 with a second octet too low', 'f17f8080'], ['F3 with a second octet too high', 'f3c08080'],
  ['U+110000', 'f4908080'], ['F4 with a second octet too low', 'f47f8080'], ['F4 with the highest second octet', 'f4bfbfbf'],
  ['F5', 'f5808080'], ['F7', 'f7bfbfbf'], ['five octets', 'f888808080'], ['six octets', 'fc8480808080'], ['FE', 'fe'], ['FF', 'ff'],
];
