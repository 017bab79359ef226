//! One call of a command, for all commands: words in, `run`, then either everything is made known
//! and the client has its reply, or it waits, or nothing has changed and it has an error.

use std::ffi::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

use redis_module::raw;
use smallvec::SmallVec;

use super::api::{self, Ctx, Str, api};
use super::keys::Keys;
use super::reply::Writer;
use super::turns::{self, Turn};
use super::{acl, apply, clock, config, observe, waiting, watch};
use crate::commands::{Args, Awaited, Call, Next, Rules, Spec, TABLE};

const OK: c_int = raw::REDISMODULE_OK as c_int;
const ERR: c_int = raw::REDISMODULE_ERR as c_int;

/// The words of a call, without the command's name.
struct Words<'a> {
    strings: SmallVec<[Str; 16]>,
    bytes: SmallVec<[&'a [u8]; 16]>,
}

impl Words<'_> {
    /// # Safety
    /// `argv` holds `argc` strings of the server that live until the callback returns.
    unsafe fn of(argv: *mut *mut raw::RedisModuleString, argc: c_int) -> Self {
        let count = usize::try_from(argc).unwrap_or(0);
        // SAFETY: as the caller promises.
        let argv = unsafe { std::slice::from_raw_parts(argv, count) };
        let strings: SmallVec<[Str; 16]> = argv.iter().skip(1).map(|word| Str(*word)).collect();
        let bytes = strings.iter().map(|word| word.bytes()).collect();
        Self { strings, bytes }
    }
}

/// How a call ended.
enum End {
    Replied,
    Awaits { queue: Str, awaited: Awaited, timeout_ms: u64 },
    Waits(Wait),
    Refused(String),
}

/// What a client waits for.
struct Wait {
    keys: SmallVec<[Str; 4]>,
    /// Set if it waits for tasks.
    turn: Option<Turn>,
    timeout_ms: u64,
    /// Whether it waits for a condition: it is told how things stand when the time is over.
    watches: bool,
}

fn call(ctx: Ctx, spec: &Spec, words: &Words<'_>, rules: Rules, alarm: &mut Alarm) -> End {
    let at = clock::now();
    let mut keys = Keys::new(ctx, at, &words.strings, &words.bytes);
    let mut reply = Writer::to(ctx);
    let ran = catch_unwind(AssertUnwindSafe(|| {
        let args = Args::of(&words.bytes);
        (spec.run)(&mut Call { args, keys: &mut keys, reply: &mut reply, at, rules })
    }));
    alarm.too_late = keys.unpublished || reply.started;
    let Ok(ran) = ran else { std::panic::resume_unwind(Box::new(())) };
    let end = match ran {
        Ok(Next::Replied) => End::Replied,
        Ok(Next::Wait { keys: waited, turn, timeout_ms }) => {
            let turn = turn.and_then(|turn| {
                let agent = *keys.names(&[turn.agent]).first()?;
                Some(Turn { queues: keys.names(&turn.queues), agent, wants: turn.wants })
            });
            End::Waits(Wait { keys: keys.names(&waited), turn, timeout_ms, watches: false })
        }
        Ok(Next::Await { key, awaited, timeout_ms }) => match keys.names(&[key]).first() {
            Some(queue) => End::Awaits { queue: *queue, awaited, timeout_ms },
            None => End::Replied,
        },
        Ok(Next::Watch { key, timeout_ms }) => {
            End::Waits(Wait { keys: keys.names(&[key]), turn: None, timeout_ms, watches: true })
        }
        Err(refusal) => End::Refused(refusal.to_string()),
    };
    alarm.too_late = true;
    keys.publish(true);
    alarm.too_late = false;
    // What this very call has emptied is no news to it.
    if let End::Waits(Wait { keys, watches: true, .. }) = &end {
        keys.iter().for_each(|name| watch::add(ctx.db(), name.bytes()));
    }
    end
}

/// Makes a call and sees to its reply; what is done when it waits is the caller's to say.
fn answer(
    ctx: Ctx,
    spec: &Spec,
    words: &Words<'_>,
    rules: Rules,
    alarm: &mut Alarm,
    wait: impl FnOnce(Wait) -> c_int,
) -> c_int {
    match call(ctx, spec, words, rules, alarm) {
        End::Replied => OK,
        End::Refused(text) => {
            ctx.reply_error(&text);
            OK
        }
        End::Waits(what) => wait(what),
        End::Awaits { queue, awaited, timeout_ms } => {
            waiting::wait(ctx, queue.bytes(), awaited, timeout_ms);
            OK
        }
    }
}

/// What a panic would leave behind.
#[derive(Default)]
struct Alarm {
    /// Something was changed that nobody else knows of, or half a reply was written.
    too_late: bool,
}

/// Runs a callback. A panic while deciding has changed nothing: it becomes an error reply. One
/// while changing a value ends the server, which comes back with what its log and dump hold.
fn guarded(ctx: Ctx, what: &str, callback: impl FnOnce(&mut Alarm) -> c_int) -> c_int {
    let mut alarm = Alarm::default();
    match catch_unwind(AssertUnwindSafe(|| callback(&mut alarm))) {
        Ok(code) => code,
        Err(_) => {
            api::warn(Some(ctx), &format!("internal error in {what}"));
            if alarm.too_late {
                std::process::abort();
            }
            ctx.reply_error("ERR internal error, see the server's log");
            OK
        }
    }
}

unsafe extern "C" fn handle<const PLACE: usize>(
    ctx: *mut raw::RedisModuleCtx,
    argv: *mut *mut raw::RedisModuleString,
    argc: c_int,
) -> c_int {
    let ctx = Ctx(ctx);
    let Some(spec) = TABLE.get(PLACE) else { return ERR };
    guarded(ctx, spec.name, |alarm| {
        // SAFETY: the server calls a handler with the words of the command.
        let words = unsafe { Words::of(argv, argc) };
        if spec.has_moving_keys() && ctx.asks_for_keys() {
            tell_keys(ctx, spec, &words);
            return OK;
        }
        answer(ctx, spec, &words, config::rules(), alarm, |mut what| {
            let over: api::Handler = if what.watches { told::<PLACE> } else { timed_out };
            let number = what.turn.map_or(0, |turn| turns::wait(ctx, &turn));
            // Who waits for tasks waits for what comes under the name, as with BLPOP.
            let keys = (&mut what.keys[..], watch::is_about(spec));
            api::block_on(ctx, keys, what.timeout_ms, (woken::<PLACE>, over, left), number);
            OK
        })
    })
}

/// Tells the server which of the words are keys.
fn tell_keys(ctx: Ctx, spec: &Spec, words: &Words<'_>) {
    let mut all = vec![spec.name.as_bytes()];
    all.extend_from_slice(&words.bytes);
    for (place, access) in spec.key_places(&all) {
        ctx.key_at(place, acl::bits(access));
    }
}

/// A key that the client waits for was signalled: the whole command is decided anew, if it is a
/// cheap one or there is time for it. As long as there is nothing for it, it goes on waiting, and
/// has changed nothing.
unsafe extern "C" fn woken<const PLACE: usize>(
    ctx: *mut raw::RedisModuleCtx,
    argv: *mut *mut raw::RedisModuleString,
    argc: c_int,
) -> c_int {
    observe::add(&observe::COUNTERS.decided_anew, 1);
    // SAFETY: the server calls back with the words of the command that waits.
    let decide = || unsafe { anew::<PLACE>(Ctx(ctx), (argv, argc), false, || ERR) };
    if !TABLE.get(PLACE).is_some_and(|spec| watch::is_about(spec)) {
        let code = unless_expired(Ctx(ctx), decide);
        guarded(Ctx(ctx), "a turn", |_| {
            turns::decided(Ctx(ctx), Ctx(ctx).number(), code != OK);
            code
        });
        return code;
    }
    // SAFETY: as above; the key is the first word, and that is always there.
    let name = unsafe { Words::of(argv, argc) }.bytes.first().copied().unwrap_or_default();
    if !watch::may_decide(Ctx(ctx), name) {
        return ERR;
    }
    let started_us = clock::now_us();
    let code = unless_expired(Ctx(ctx), decide);
    watch::decided(clock::now_us().saturating_sub(started_us));
    code
}

/// A key that is looked at may turn out to have expired, which the server makes known. Redis 7.0
/// ends itself when a client goes on waiting that has made something known: there the client is
/// told that nothing came, as at the end of its time.
fn unless_expired(ctx: Ctx, decide: impl FnOnce() -> c_int) -> c_int {
    let before = ctx.keys();
    match decide() {
        ERR if api::dislikes_news_of_waiters() && ctx.keys() < before => {
            ctx.reply_null();
            OK
        }
        code => code,
    }
}

/// What a client watches for has not come in time: it is told how things stand. The command knows
/// that nothing may be written here.
unsafe extern "C" fn told<const PLACE: usize>(
    ctx: *mut raw::RedisModuleCtx,
    argv: *mut *mut raw::RedisModuleString,
    argc: c_int,
) -> c_int {
    // SAFETY: the server calls back with the words of the command that waits, in the context of its
    // client.
    unsafe { anew::<PLACE>(Ctx(ctx), (argv, argc), true, || timed_out(ctx, argv, argc)) }
}

/// Decides a command that waits anew; what is done when it would wait on is the caller's to say.
///
/// # Safety
/// `argv` holds `argc` strings of the server that live until the callback returns.
unsafe fn anew<const PLACE: usize>(
    ctx: Ctx,
    (argv, argc): (*mut *mut raw::RedisModuleString, c_int),
    timed_out: bool,
    waits: impl FnOnce() -> c_int,
) -> c_int {
    let Some(spec) = TABLE.get(PLACE) else { return ERR };
    guarded(ctx, spec.name, |alarm| {
        // SAFETY: as the caller promises.
        let words = unsafe { Words::of(argv, argc) };
        let rules = Rules { woken: true, timed_out, ..config::rules() };
        answer(ctx, spec, &words, rules, alarm, |_| waits())
    })
}

/// A client that waited is served, or gone: the number that it was given is given up.
unsafe extern "C" fn left(ctx: *mut raw::RedisModuleCtx, number: *mut c_void) {
    // A panic was logged by the hook; the cron looks after the others.
    let _ = catch_unwind(AssertUnwindSafe(|| turns::left(Ctx(ctx), number as u64)));
}

/// Nothing came in time. Nothing may be written here.
unsafe extern "C" fn timed_out(
    ctx: *mut raw::RedisModuleCtx,
    _argv: *mut *mut raw::RedisModuleString,
    _argc: c_int,
) -> c_int {
    Ctx(ctx).reply_null();
    OK
}

/// The handler of WF.APPLY.
pub(super) unsafe extern "C" fn handle_apply(
    ctx: *mut raw::RedisModuleCtx,
    argv: *mut *mut raw::RedisModuleString,
    argc: c_int,
) -> c_int {
    let ctx = Ctx(ctx);
    guarded(ctx, "wf.apply", |alarm| {
        // Events are applied from the first word on: there is no deciding here.
        alarm.too_late = true;
        // SAFETY: the server calls a handler with the words of the command.
        let words = unsafe { Words::of(argv, argc) };
        match apply::run(ctx, &words.strings, &words.bytes) {
            // SAFETY: the context is that of the command.
            Ok(()) => unsafe {
                api!(RedisModule_ReplyWithSimpleString(ctx.0, c"OK".as_ptr()));
            },
            Err(text) => ctx.reply_error(&text),
        }
        OK
    })
}

macro_rules! handlers {
    ($($place:literal)*) => { [$(handle::<$place>),*] };
}

/// The handlers of the commands, in the order of their table.
pub(super) static HANDLERS: [api::Handler; 34] = handlers!(
    0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33
);
