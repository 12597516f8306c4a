/** The management console of a User Mode Linux kernel: plugs disks in, and takes them out. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import unixDgram from 'unix-dgram';

/** As the kernel has it in arch/um/drivers/mconsole.h: three words, then the text. */
const MAGIC = 0xcafebabe;
const VERSION = 2;
const HEADER = 12;
const LONGEST = 512;

/** @param directory of the kernel's uml_dir */
export async function tellConsole(directory: string, command: string): Promise<string> {
  const place = readdirSync(directory).map((name) => join(directory, name, 'mconsole')).find((path) => existsSync(path));
  if (place === undefined) throw new Error(`no console in ${directory}`);
  const text = Buffer.from(command);
  if (text.length >= LONGEST) throw new Error(`too long: ${command}`);
  const request = Buffer.alloc(HEADER + LONGEST);
  [MAGIC, VERSION, text.length].forEach((word, index) => request.writeUInt32LE(word, index * 4));
  text.copy(request, HEADER);
  const own = join(directory, `console-${process.pid}`);
  rmSync(own, { force: true });
  return await new Promise((resolve, reject) => {
    const socket = unixDgram.createSocket('unix_dgram', (answer) => {
      socket.close();
      const [failed, , length] = [answer.readUInt32LE(0), answer.readUInt32LE(4), answer.readUInt32LE(8)];
      const said = answer.toString('utf8', HEADER, HEADER + length).replace(/\0.*$/su, '').trim();
      if (failed === 0) resolve(said);
      else reject(new Error(`${command}: ${said}`));
    });
    socket.bind(own);
    socket.send(request, 0, request.length, place, (error) => {
      if (error !== undefined && error !== null) reject(error);
    });
  });
}
