export * from './check.ts';
export * from './console-api.ts';
export * from './host.ts';
export * from './method.ts';
export * from './pair.ts';
export * from './peer-api.ts';
export * from './problem.ts';
export * from './task.ts';
