/**
 * The tools every agent has, in the order the model sees them.
 *
 * What must stay true: the list never changes within a session, since it stands at the front of every
 * request and a change would throw the provider's prompt cache away.
 */
import { editTool } from './files/edit.js';
import { readTool } from './files/read.js';
import { writeTool } from './files/write.js';
import { gitTool } from './git/git.js';
import { shellTool } from './shell/shell.js';
import type { Tool } from './tool.js';

export const TOOLS = [readTool, writeTool, editTool, shellTool, gitTool] as readonly Tool[];
