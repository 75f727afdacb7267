// What a reader of lib never meets: console, any, non-null assertions, default exports, a TODO without an issue.

import ts from 'typescript';
import { lineOf, parse, type Source, type Violation } from './sources.js';

/** Every place in one source that breaks CONVENTIONS rules 10, 15 or 38, or writes to the console. */
export function styleViolations(source: Source): Violation[] {
  const file = parse(source);
  const found: Violation[] = [];
  const add = (node: ts.Node, rule: string): void => {
    found.push({ file: source.path, line: lineOf(file, node), rule });
  };
  const visit = (node: ts.Node): void => {
    if (node.kind === ts.SyntaxKind.AnyKeyword && !isArgumentsOfAFunctionType(node)) add(node, 'no any (rule 15)');
    if (ts.isNonNullExpression(node)) add(node, 'no non-null assertion (rule 15)');
    if ((ts.isPropertyDeclaration(node) || ts.isVariableDeclaration(node)) && node.exclamationToken) {
      add(node, 'no definite assignment (rule 15)');
    }
    if (ts.isIdentifier(node) && node.text === 'console' && isReference(node)) {
      add(node, 'lib writes through the logger it was given, never to the console');
    }
    if (ts.isExportAssignment(node) || (ts.canHaveModifiers(node) && isDefaultExport(node))) {
      add(node, 'named exports only (rule 10)');
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  for (const [index, line] of source.text.split('\n').entries()) {
    if (/\b(TODO|FIXME|XXX)\b(?!.*#\d)/.test(line)) {
      found.push({ file: source.path, line: index + 1, rule: 'a TODO needs an issue number (rule 38)' });
    }
    if (/@ts-(ignore|nocheck|expect-error)/.test(line)) {
      found.push({ file: source.path, line: index + 1, rule: 'the compiler is not silenced (rule 15)' });
    }
  }
  return found;
}

/** `(...args: any[])` of a constructor or function type: what TypeScript needs to take any class or factory. */
function isArgumentsOfAFunctionType(node: ts.Node): boolean {
  const array = node.parent;
  if (!ts.isArrayTypeNode(array) || !ts.isParameter(array.parent)) return false;
  const parameter = array.parent;
  const owner = parameter.parent;
  return parameter.dotDotDotToken !== undefined && (ts.isConstructorTypeNode(owner) || ts.isFunctionTypeNode(owner));
}

function isReference(node: ts.Identifier): boolean {
  const parent = node.parent;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node || isGlobal(parent.expression);
  return !ts.isPropertyAssignment(parent) && !ts.isPropertySignature(parent) && !ts.isPropertyDeclaration(parent);
}

function isGlobal(node: ts.Expression): boolean {
  return ts.isIdentifier(node) && (node.text === 'globalThis' || node.text === 'global');
}

function isDefaultExport(node: ts.HasModifiers): boolean {
  return ts.getModifiers(node)?.some((modifier) => modifier.kind === ts.SyntaxKind.DefaultKeyword) ?? false;
}
