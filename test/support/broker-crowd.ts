/** broker-crowd.js SOCKET COUNT: connects so many times, says nothing, and keeps what it has got until its standard input ends. */
import { Channel } from '../../protocol/seqpacket/channel.js';

const [socket = '', count = '0'] = process.argv.slice(2);
const crowd = Array.from({ length: Number(count) }, () => Channel.connect(socket, 120_000));
process.stdout.write(`${crowd.length} connected\n`);
process.stdin.resume().on('end', () => process.exit(0));
