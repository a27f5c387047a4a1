// An HTTP server for the tests of ServiceA. It lets the system pick its ports, and prints them when
// all are open: one with Node's own settings, one that serves ten requests a connection, one that
// closes a connection after 2 s and says so, and one that does it after 200 ms and does not say so.
// The first argument is the path of a socket that it listens on, too.
'use strict';
const http = require('http');

function seen(request, bytes) {
  const { method, url, httpVersion, headers } = request;
  return JSON.stringify({
    method, url, version: httpVersion, number: Number(headers['x-req']), bytes,
    host: headers.host || '', connection: headers.connection || '',
    length: headers['content-length'] || '', coding: headers['transfer-encoding'] || '',
  }) + '\n';
}

function drained(request, then) {
  let bytes = 0;
  request.on('data', (piece) => { bytes += piece.length; });
  request.on('end', () => then(bytes));
}

function send_pieces(response) {
  for (let i = 0; i < 100; ++i)
    response.write(String.fromCharCode(97 + i % 26).repeat(1000));
  response.end();
}

function send_bytes(response, size) {
  response.setHeader('Content-Length', size);
  const piece = Buffer.alloc(65536, 'n');
  let left = size;
  const more = () => {
    while (left > 0) {
      const part = piece.subarray(0, Math.min(left, piece.length));
      left -= part.length;
      if (!response.write(part)) return response.once('drain', more);
    }
    response.end();
  };
  more();
}

function serve(request, response) {
  const [, what, argument] = request.url.split(/[/?]/);
  if (what === 'early') { // without a look at the body
    response.writeHead(413, { 'Connection': 'close', 'Content-Length': 0 });
    return response.end();
  }
  if (what === 'echo') return request.pipe(response);
  drained(request, (bytes) => {
    if (what === 'chunked') return send_pieces(response);
    if (what === 'bytes') return send_bytes(response, Number(argument));
    if (what === 'status') { response.statusCode = Number(argument); return response.end(); }
    if (what === 'seen') return response.end(seen(request, bytes));
    response.end('node says hello\n');
  });
}

function quietly(request, response) {
  const { socket } = request;
  clearTimeout(socket.patience);
  response.on('finish', () => { socket.patience = setTimeout(() => socket.end(), 200); });
  response.setHeader('Connection', 'keep-alive'); // Node adds no Keep-Alive then
  serve(request, response);
}

const servers = [
  http.createServer(serve),
  http.createServer(serve),
  http.createServer({ keepAliveTimeout: 2000 }, serve),
  http.createServer(quietly),
];
servers[1].maxRequestsPerSocket = 10;

const opened = servers.map((server) => new Promise((open) => server.listen(0, '127.0.0.1', open)));
const unix = http.createServer(serve);
opened.push(new Promise((open) => unix.listen(process.argv[2], open)));
Promise.all(opened).then(() => {
  console.log(servers.map((server) => server.address().port).join(' '));
});
