/** Asks for an installation's name at a given instant and prints it. Arguments: file, time in ms. */
import { installationName } from '../../workers/installation.js';

const [file = '', at = '0'] = process.argv.slice(2);
while (Date.now() < Number(at)) await new Promise(setImmediate);
console.log(installationName(file));
