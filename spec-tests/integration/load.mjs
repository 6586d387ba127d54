// Loads a package of this folder, by whatever condition `import` resolves it. Not compiled: it has to stay beside node_modules.
export const load = (name) => import(name);
