/** The clock that people's tests have, for ours. */
export { FakeClock } from '../../lib/testing/clock.ts';
