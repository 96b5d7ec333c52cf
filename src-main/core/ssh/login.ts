import ssh2, { type AnyAuthMethod, type AuthenticationType, type BaseAgent, type ParsedKey } from 'ssh2';
import { fail, ok, type Problem, type Result } from '../../../agent/protocol/index.ts';
import type { SshEnvironment } from './environment.ts';
import { loadPrivateKey } from './private-key.ts';
import { agentEmpty, agentMissing, authRefused, secondFactor, wrongPassword } from './problems.ts';
import type { SshLogin, SshTarget } from './types.ts';

type Credential =
  | { method: 'agent'; agent: BaseAgent }
  | { method: 'key'; path: string; key: ParsedKey }
  | { method: 'password'; password: string };

/** Everything about a log-in that can fail before the host is asked. */
export async function prepareLogin(
  login: SshLogin,
  environment: SshEnvironment,
): Promise<Result<LoginAttempt>> {
  const credential = await credentialOf(login, environment);
  return credential.ok ? ok(new LoginAttempt(login.user, credential.value)) : credential;
}

async function credentialOf({ login }: SshLogin, environment: SshEnvironment): Promise<Result<Credential>> {
  switch (login.method) {
    case 'password':
      return ok({ method: 'password', password: login.password });
    case 'key': {
      const path = login.path.replace(/^~(?=[/\\])/, environment.sshDir.replace(/[/\\]\.ssh$/, ''));
      const key = await loadPrivateKey(path, login.passphrase);
      return key.ok ? ok({ method: 'key', path, key: key.value }) : key;
    }
    case 'agent': {
      if (environment.agentSocket === null) return fail(agentMissing());
      const agent = ssh2.createAgent(environment.agentSocket);
      const count = await countIdentities(agent);
      if (count === null) return fail(agentMissing());
      return count === 0 ? fail(agentEmpty()) : ok({ method: 'agent', agent });
    }
  }
}

/** True when an SSH agent runs here and has at least one key to offer. */
export async function agentHoldsKeys({ agentSocket }: SshEnvironment): Promise<boolean> {
  if (agentSocket === null) return false;
  return ((await countIdentities(ssh2.createAgent(agentSocket))) ?? 0) > 0;
}

/** Null when the agent does not answer. */
function countIdentities(agent: BaseAgent): Promise<number | null> {
  return new Promise((resolve) => {
    agent.getIdentities((error, keys) => resolve(error ? null : (keys?.length ?? 0)));
  });
}

/**
 * One log-in: offers the chosen credential once, and remembers what the server said so that a refusal can be
 * explained. The server is asked with `none` first, which names the methods it accepts (RFC 4252, 5.2).
 */
export class LoginAttempt {
  readonly #user: string;
  readonly #credential: Credential;
  readonly #tried = new Set<AuthenticationType>();
  #accepts: AuthenticationType[] = [];
  #partial = false;

  constructor(user: string, credential: Credential) {
    this.#user = user;
    this.#credential = credential;
  }

  /** ssh2's authHandler: called before every attempt. */
  next(left: AuthenticationType[] | null, partial: boolean | null): AnyAuthMethod | false {
    if (left === null) return { type: 'none', username: this.#user };
    this.#accepts = left;
    this.#partial = partial === true;
    const method = this.#pick(left);
    if (method !== false) this.#tried.add(method.type);
    return method;
  }

  #pick(left: AuthenticationType[]): AnyAuthMethod | false {
    const username = this.#user;
    const credential = this.#credential;
    switch (credential.method) {
      case 'agent':
        if (this.#tried.has('agent') || !left.includes('publickey')) return false;
        return { type: 'agent', username, agent: credential.agent };
      case 'key':
        if (this.#tried.has('publickey') || !left.includes('publickey')) return false;
        return { type: 'publickey', username, key: credential.key };
      case 'password':
        // One attempt only: behind both methods stands the same PAM, and every failure counts for lock-outs.
        if (this.#tried.size > 0) return false;
        if (left.includes('password')) return { type: 'password', username, password: credential.password };
        if (left.includes('keyboard-interactive')) return this.#answerPrompts(username, credential.password);
        return false;
    }
  }

  #answerPrompts(username: string, password: string): AnyAuthMethod {
    let answered = false;
    return {
      type: 'keyboard-interactive',
      username,
      prompt: (_name, _instructions, _language, prompts, finish) => {
        // Only a single hidden question asks for the password; anything else gets an empty answer, which fails.
        const isPassword = !answered && prompts.length === 1 && prompts[0]?.echo !== true;
        answered = true;
        finish(prompts.map(() => (isPassword ? password : '')));
      },
    };
  }

  /** Why the server did not let this credential in. */
  refusal(target: SshTarget): Problem {
    if (this.#partial) return secondFactor(target, this.#user, this.#accepts);
    switch (this.#credential.method) {
      case 'password':
        if (this.#tried.size > 0) return wrongPassword(target, this.#user);
        return authRefused(target, this.#user, 'a password', this.#accepts, 'method');
      case 'key':
        return authRefused(target, this.#user, `the key ${this.#credential.path}`, this.#accepts, 'keyPath');
      case 'agent':
        return authRefused(target, this.#user, "the SSH agent's keys", this.#accepts, 'method');
    }
  }
}
