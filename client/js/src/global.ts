// Entry of the script-tag builds: the global is the io function itself.
import { io } from "./index.js";

export default io;
