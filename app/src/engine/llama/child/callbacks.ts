import { pointer, proto, type TypeObject } from 'koffi';

/** `bool (float progress, void * user_data)`: false stops the load. */
export const progressCallback: TypeObject = pointer(proto('bool', ['float', 'void *']));
/** `void (enum ggml_log_level level, const char * text, void * user_data)` */
export const logCallback: TypeObject = pointer(proto('void', ['int', 'str', 'void *']));
