import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseParameterizedList } from '../../lib/http/grammar.ts';
import {
  answerOffers,
  checkAnswer,
  type DeflatePolicy,
  deflatePolicy,
  offerDeflate,
  type PerMessageDeflateOptions,
} from '../../lib/websocket/extension.ts';

const PMD = 'permessage-deflate';

function policy(role: 'client' | 'server', options: PerMessageDeflateOptions = {}): DeflatePolicy {
  return deflatePolicy(options, role)!;
}

/** What a server with these options answers to the header value. */
function answer(offers: string, options: PerMessageDeflateOptions): string | undefined {
  return answerOffers(parseParameterizedList(offers)!, policy('server', options))?.answer;
}

function check(answered: string, options: PerMessageDeflateOptions | undefined): ReturnType<typeof checkAnswer> {
  return checkAnswer(parseParameterizedList(answered)!, options === undefined ? undefined : policy('client', options));
}

const TAKEOVER: PerMessageDeflateOptions = { serverContextTakeover: true, clientContextTakeover: true };

describe('RFC 7692 §7.1: a server answers an offer', () => {
  const NONE = `${PMD}; server_no_context_takeover; client_no_context_takeover`;
  const rows: readonly [title: string, offer: string, options: PerMessageDeflateOptions, answer: string][] = [
    ['a plain offer, takeover allowed both ways: a plain answer', PMD, TAKEOVER, PMD],
    ['by default no takeover, also unasked (§7.1.1.1, §7.1.1.2)', PMD, {}, NONE],
    [
      'server_no_context_takeover is answered (§7.1.1.1)',
      `${PMD}; server_no_context_takeover`,
      TAKEOVER,
      `${PMD}; server_no_context_takeover`,
    ],
    [
      'client_no_context_takeover is answered (§7.1.1.2)',
      `${PMD}; client_no_context_takeover`,
      TAKEOVER,
      `${PMD}; client_no_context_takeover`,
    ],
    [
      'server_max_window_bits is answered with the same value (§7.1.2.1)',
      `${PMD}; server_max_window_bits=10`,
      TAKEOVER,
      `${PMD}; server_max_window_bits=10`,
    ],
    [
      'server_max_window_bits=15 must be answered as well',
      `${PMD}; server_max_window_bits=15`,
      TAKEOVER,
      `${PMD}; server_max_window_bits=15`,
    ],
    [
      'server_max_window_bits is answered with a smaller value that is ours',
      `${PMD}; server_max_window_bits=12`,
      { ...TAKEOVER, serverMaxWindowBits: 9 },
      `${PMD}; server_max_window_bits=9`,
    ],
    [
      'server_max_window_bits may be answered unasked',
      PMD,
      { ...TAKEOVER, serverMaxWindowBits: 11 },
      `${PMD}; server_max_window_bits=11`,
    ],
    [
      'client_max_window_bits without a value is answered with ours',
      `${PMD}; client_max_window_bits`,
      { ...TAKEOVER, clientMaxWindowBits: 10 },
      `${PMD}; client_max_window_bits=10`,
    ],
    [
      'client_max_window_bits without a value and no wish of ours: not answered',
      `${PMD}; client_max_window_bits`,
      TAKEOVER,
      PMD,
    ],
    [
      'client_max_window_bits=N is answered with the smaller of both',
      `${PMD}; client_max_window_bits=9`,
      { ...TAKEOVER, clientMaxWindowBits: 12 },
      `${PMD}; client_max_window_bits=9`,
    ],
    [
      'client_max_window_bits=15 as the client has it: not answered',
      `${PMD}; client_max_window_bits=15`,
      TAKEOVER,
      PMD,
    ],
    [
      'client_max_window_bits is never answered unasked (§7.1.2.2); takeover is forbidden instead',
      PMD,
      { ...TAKEOVER, clientMaxWindowBits: 10 },
      `${PMD}; client_no_context_takeover`,
    ],
    [
      '8 is a window size as any other',
      `${PMD}; server_max_window_bits=8; client_max_window_bits=8`,
      TAKEOVER,
      `${PMD}; server_max_window_bits=8; client_max_window_bits=8`,
    ],
    [
      'a quoted value is the value (RFC 6455 §9.1)',
      `${PMD}; server_max_window_bits="10"`,
      TAKEOVER,
      `${PMD}; server_max_window_bits=10`,
    ],
    [
      'the first of several offers is preferred (§5)',
      `${PMD}; server_max_window_bits=10, ${PMD}`,
      TAKEOVER,
      `${PMD}; server_max_window_bits=10`,
    ],
    [
      'an offer that must be declined leaves the next one (§7)',
      `${PMD}; server_max_window_bits=7, ${PMD}; unknown, ${PMD}; client_no_context_takeover`,
      TAKEOVER,
      `${PMD}; client_no_context_takeover`,
    ],
    ['other extensions are passed over', `x-webkit-deflate-frame, ${PMD}`, TAKEOVER, PMD],
    [
      'everything at once',
      `${PMD}; client_max_window_bits=14; server_max_window_bits=13; client_no_context_takeover; server_no_context_takeover`,
      {},
      `${NONE}; server_max_window_bits=13; client_max_window_bits=14`,
    ],
  ];
  for (const [title, offer, options, expected] of rows) it(title, () => assert.equal(answer(offer, options), expected));

  const declined: readonly [title: string, offer: string][] = [
    ['an unknown parameter', `${PMD}; window=10`],
    ['a parameter given twice', `${PMD}; client_max_window_bits; client_max_window_bits`],
    ['a parameter given twice with different values', `${PMD}; server_max_window_bits=9; server_max_window_bits=10`],
    ['server_no_context_takeover with a value', `${PMD}; server_no_context_takeover=1`],
    ['client_no_context_takeover with a value', `${PMD}; client_no_context_takeover=true`],
    ['server_max_window_bits without a value', `${PMD}; server_max_window_bits`],
    ['server_max_window_bits=7', `${PMD}; server_max_window_bits=7`],
    ['server_max_window_bits=16', `${PMD}; server_max_window_bits=16`],
    ['client_max_window_bits=7', `${PMD}; client_max_window_bits=7`],
    ['client_max_window_bits=16', `${PMD}; client_max_window_bits=16`],
    ['a leading zero', `${PMD}; server_max_window_bits=09`],
    ['a sign', `${PMD}; server_max_window_bits=+9`],
    ['a fraction', `${PMD}; server_max_window_bits=9.0`],
    ['a parameter in other letters', `${PMD}; SERVER_NO_CONTEXT_TAKEOVER`],
    ['another extension', 'deflate-stream'],
    ['nothing', ''],
  ];
  for (const [title, offer] of declined) {
    it(`declines ${title} (§7)`, () => assert.equal(answer(offer, TAKEOVER), undefined));
  }

  it('agrees on what it answered', () => {
    const agreed = answerOffers(
      parseParameterizedList(`${PMD}; client_max_window_bits=9; server_max_window_bits=10`)!,
      policy('server', TAKEOVER),
    );
    assert.deepEqual(agreed?.parameters, {
      serverNoContextTakeover: false,
      clientNoContextTakeover: false,
      serverMaxWindowBits: 10,
      clientMaxWindowBits: 9,
    });
  });
});

describe('RFC 7692 §7.1: a client offers, and checks the answer', () => {
  it('offers client_max_window_bits always, everything else when told to, and then a plain offer last (§5)', () => {
    assert.equal(offerDeflate(policy('client')), `${PMD}; client_max_window_bits`);
    assert.equal(
      offerDeflate(
        policy('client', {
          serverContextTakeover: false,
          clientContextTakeover: false,
          serverMaxWindowBits: 9,
          clientMaxWindowBits: 10,
        }),
      ),
      `${PMD}; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; client_max_window_bits=10, ${PMD}`,
    );
  });

  const FULL = {
    serverNoContextTakeover: false,
    clientNoContextTakeover: false,
    serverMaxWindowBits: 15,
    clientMaxWindowBits: 15,
  };
  const accepted: readonly [
    title: string,
    answer: string,
    options: PerMessageDeflateOptions,
    agreed: object | undefined,
  ][] = [
    ['no extension: no compression', '', {}, undefined],
    ['a plain answer', PMD, {}, FULL],
    [
      'server_no_context_takeover unasked (§7.1.1.1)',
      `${PMD}; server_no_context_takeover`,
      {},
      { ...FULL, serverNoContextTakeover: true },
    ],
    [
      'client_no_context_takeover unasked (§7.1.1.2)',
      `${PMD}; client_no_context_takeover`,
      {},
      { ...FULL, clientNoContextTakeover: true },
    ],
    [
      'server_max_window_bits unasked (§7.1.2.1)',
      `${PMD}; server_max_window_bits=8`,
      {},
      { ...FULL, serverMaxWindowBits: 8 },
    ],
    [
      'server_max_window_bits smaller than asked',
      `${PMD}; server_max_window_bits=9`,
      { serverMaxWindowBits: 10 },
      { ...FULL, serverMaxWindowBits: 9 },
    ],
    [
      'client_max_window_bits (§7.1.2.2)',
      `${PMD}; client_max_window_bits=12`,
      {},
      { ...FULL, clientMaxWindowBits: 12 },
    ],
    [
      'no client_max_window_bits: our own hint stands',
      PMD,
      { clientMaxWindowBits: 10 },
      { ...FULL, clientMaxWindowBits: 10 },
    ],
    [
      'no server_no_context_takeover where it was offered: the plain offer was taken (§5)',
      PMD,
      { serverContextTakeover: false },
      FULL,
    ],
    [
      'server_max_window_bits greater than offered, or missing: the plain offer was taken (§5)',
      `${PMD}; server_max_window_bits=11`,
      { serverMaxWindowBits: 10 },
      { ...FULL, serverMaxWindowBits: 11 },
    ],
    [
      'no client_no_context_takeover: our own hint stands',
      PMD,
      { clientContextTakeover: false },
      { ...FULL, clientNoContextTakeover: true },
    ],
  ];
  for (const [title, answered, options, parameters] of accepted)
    it(`takes ${title}`, () => assert.deepEqual(check(answered, options), { kind: 'agreed', parameters }));

  const refused: readonly [title: string, answer: string, options: PerMessageDeflateOptions | undefined][] = [
    ['an extension that was not offered (RFC 6455 §4.1)', 'permessage-brotli', {}],
    ['permessage-deflate when nothing was offered', PMD, undefined],
    ['two accepted offers', `${PMD}, ${PMD}`, {}],
    ['an unknown parameter', `${PMD}; window=10`, {}],
    ['a parameter given twice', `${PMD}; server_no_context_takeover; server_no_context_takeover`, {}],
    ['server_no_context_takeover with a value', `${PMD}; server_no_context_takeover=1`, {}],
    ['server_max_window_bits without a value', `${PMD}; server_max_window_bits`, {}],
    [
      'client_max_window_bits without a value, which only an offer has (§7.1.2.2)',
      `${PMD}; client_max_window_bits`,
      {},
    ],
    ['server_max_window_bits=16', `${PMD}; server_max_window_bits=16`, {}],
    ['client_max_window_bits=7', `${PMD}; client_max_window_bits=7`, {}],
    ['client_max_window_bits greater than offered', `${PMD}; client_max_window_bits=11`, { clientMaxWindowBits: 10 }],
  ];
  for (const [title, answered, options] of refused)
    it(`fails the connection for ${title}`, () => assert.equal(check(answered, options).kind, 'refused'));
});

describe('RFC 7692 §7.1: both ends agree', () => {
  it('whatever the options of a client and a server, both come to the same parameters', () => {
    const some: PerMessageDeflateOptions[] = [];
    for (const takeover of [false, true])
      for (const otherTakeover of [false, true])
        for (const bits of [8, 12, 15])
          for (const otherBits of [8, 12, 15])
            some.push({
              serverContextTakeover: takeover,
              clientContextTakeover: otherTakeover,
              serverMaxWindowBits: bits,
              clientMaxWindowBits: otherBits,
            });
    for (const ofClient of some) {
      for (const ofServer of some) {
        const offer = offerDeflate(policy('client', ofClient));
        const agreed = answerOffers(parseParameterizedList(offer)!, policy('server', ofServer))!;
        assert.deepEqual(
          check(agreed.answer, ofClient),
          { kind: 'agreed', parameters: agreed.parameters },
          `${offer} -> ${agreed.answer}`,
        );
      }
    }
  });
});

describe('deflatePolicy', () => {
  it('false and nothing: no compression', () => {
    assert.equal(deflatePolicy(false, 'server'), undefined);
    assert.equal(deflatePolicy(undefined, 'client'), undefined);
  });

  it("true: the defaults; 'auto': the defaults, and adaptive", () => {
    const defaults = deflatePolicy(true, 'server');
    assert.deepEqual(defaults, policy('server'));
    assert.equal(defaults?.adaptive, false);
    assert.deepEqual(deflatePolicy('auto', 'server'), { ...defaults, adaptive: true });
  });

  it('refuses what is neither', () => {
    for (const options of ['on', 1, null])
      assert.throws(() => deflatePolicy(options as unknown as boolean, 'server'), TypeError);
  });

  for (const options of [
    { level: 0 },
    { level: 10 },
    { level: 1.5 },
    { serverMaxWindowBits: 7 },
    { clientMaxWindowBits: 16 },
    { thresholdBytes: -1 },
  ]) {
    it(`refuses ${JSON.stringify(options)}`, () => assert.throws(() => deflatePolicy(options, 'server'), RangeError));
  }
});
