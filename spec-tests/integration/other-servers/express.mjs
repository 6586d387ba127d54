// Express 5: event streams as its users write them.
import express from 'express';
import { announce, answerEvents } from './common.mjs';

const app = express();
app.get('/events', answerEvents);
app.get('/refused', (_request, response) => response.status(403).send('no entry'));
const server = app.listen(0, '127.0.0.1', () => announce(server.address().port));
