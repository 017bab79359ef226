//! Commands are told to the server: from the table, not by the SDK's macros, whose way needs an API
//! that Redis 7.0 does not have.

use std::ffi::{CString, c_int};
use std::ptr;

use redis_module::commands::{
    BeginSearch, CommandArgFlags, FindKeys, KeySpec, KeySpecFlags, RedisModuleCommandArg,
    get_redis_command_args, get_redis_key_spec,
};
use redis_module::raw;

use super::acl::bits;
use super::api::{self, Ctx, api};
use super::dispatch::{HANDLERS, handle_apply};
use crate::commands::{Access, Arg, Keys, Kind, Spec, TABLE};

/// What is told of WF.APPLY, which is no command for clients.
struct Internal {
    name: &'static str,
    flags: &'static str,
    categories: &'static str,
    summary: &'static str,
}

const APPLY: Internal = Internal {
    name: "wf.apply",
    flags: "write admin",
    categories: "write admin dangerous",
    summary: "Internal: applies what a primary decided, on replicas and from the append-only file",
};

/// Registers every command; false if the server does not take one.
pub(super) fn register(ctx: Ctx) -> bool {
    // SAFETY: the context is that of OnLoad; the category is there on newer servers only.
    if let Some(add) = unsafe { raw::RedisModule_AddACLCategory } {
        // SAFETY: as above.
        unsafe { add(ctx.0, c"wf".as_ptr()) };
    }
    const { assert!(HANDLERS.len() == TABLE_LEN) };
    let all = TABLE.iter().zip(&HANDLERS).all(|(spec, handler)| command(ctx, spec, *handler));
    all && internal(ctx, &APPLY)
}

fn command(ctx: Ctx, spec: &Spec, handler: api::Handler) -> bool {
    let (first, last, step) = legacy_range(spec.keys);
    // In a cluster, the server looks for keys that move with the words through this API only.
    let moving = if spec.has_moving_keys() { " getkeys-api" } else { "" };
    let flags = format!("{}{moving}", spec.flags);
    let created = create(ctx, spec.name, &flags, handler, (first, last, step));
    created.is_some_and(|command| {
        let mut keys = get_redis_key_spec(spec.keys.iter().map(key_spec).collect());
        let args = spec.args.iter().map(argument).collect();
        let mut args = get_redis_command_args(args);
        let args = args.as_mut().map_or(ptr::null_mut(), Vec::as_mut_ptr);
        describe(command, (spec.summary, spec.complexity, spec.since, spec.arity), &mut keys, args)
            && categorize(command, spec.categories)
    })
}

fn internal(ctx: Ctx, spec: &Internal) -> bool {
    let created = create(ctx, spec.name, spec.flags, handle_apply, (1, 1, 1));
    created.is_some_and(|command| {
        let keys = [key_spec(&Keys::At(1, Access::Update))];
        let mut keys = get_redis_key_spec(keys.into());
        let args = [
            argument(&Arg::key("key", 0)),
            argument(&Arg::text("events")),
            argument(&Arg::text("blob").optional().many()),
        ];
        let mut args = get_redis_command_args(args.into());
        let args = args.as_mut().map_or(ptr::null_mut(), Vec::as_mut_ptr);
        let complexity = "O(N) in the events";
        describe(command, (spec.summary, complexity, "0.1.0", -3), &mut keys, args)
            && categorize(command, spec.categories)
    })
}

fn create(
    ctx: Ctx,
    name: &str,
    flags: &str,
    handler: api::Handler,
    (first, last, step): (c_int, c_int, c_int),
) -> Option<*mut raw::RedisModuleCommand> {
    let (name, flags) = (CString::new(name).ok()?, CString::new(flags).ok()?);
    // SAFETY: the context is that of OnLoad; the server copies both strings.
    let command = unsafe {
        let handler = Some(handler);
        let (word, flags) = (name.as_ptr(), flags.as_ptr());
        let made = api!(RedisModule_CreateCommand(ctx.0, word, handler, flags, first, last, step));
        if made != raw::REDISMODULE_OK as c_int {
            let text = format!("the server does not take the command {name:?}");
            api::warn(Some(ctx), &text);
            return None;
        }
        api!(RedisModule_GetCommand(ctx.0, name.as_ptr()))
    };
    (!command.is_null()).then_some(command)
}

fn describe(
    command: *mut raw::RedisModuleCommand,
    (summary, complexity, since, arity): (&str, &str, &str, c_int),
    keys: &mut [raw::RedisModuleCommandKeySpec],
    args: *mut raw::RedisModuleCommandArg,
) -> bool {
    static VERSION: raw::RedisModuleCommandInfoVersion = raw::RedisModuleCommandInfoVersion {
        version: 1,
        sizeof_historyentry: size_of::<raw::RedisModuleCommandHistoryEntry>(),
        sizeof_keyspec: size_of::<raw::RedisModuleCommandKeySpec>(),
        sizeof_arg: size_of::<raw::RedisModuleCommandArg>(),
    };
    let texts = [summary, complexity, since].map(|text| CString::new(text).unwrap_or_default());
    let [summary, complexity, since] = &texts;
    let info = raw::RedisModuleCommandInfo {
        version: &raw const VERSION,
        summary: summary.as_ptr(),
        complexity: complexity.as_ptr(),
        since: since.as_ptr(),
        history: ptr::null_mut(),
        tips: ptr::null(),
        arity,
        key_specs: keys.as_mut_ptr(),
        args,
    };
    // SAFETY: both lists end with a zeroed element, as the helpers of the SDK make them; the server
    // copies everything.
    unsafe { api!(RedisModule_SetCommandInfo(command, &info)) == raw::REDISMODULE_OK as c_int }
}

/// Puts the command in its ACL categories, where modules can: not on Redis 7.0.
fn categorize(command: *mut raw::RedisModuleCommand, categories: &str) -> bool {
    // SAFETY: read before any other thread could write it: never after loading.
    let Some(set) = (unsafe { raw::RedisModule_SetCommandACLCategories }) else { return true };
    let categories = CString::new(format!("wf {categories}")).unwrap_or_default();
    // SAFETY: the command was made in this OnLoad; the server copies the string.
    unsafe { set(command, categories.as_ptr()) == raw::REDISMODULE_OK as c_int }
}

/// First, last and step of the keys, as far as servers and clients of old can be told.
fn legacy_range(keys: &[Keys]) -> (c_int, c_int, c_int) {
    let fixed = keys.iter().filter_map(|keys| match keys {
        Keys::At(place, _) => Some(*place),
        Keys::Counted(..) | Keys::After(..) => None,
    });
    fixed.clone().min().map_or((0, 0, 0), |first| (first, fixed.max().unwrap_or(first), 1))
}

fn key_spec(keys: &Keys) -> KeySpec {
    let (begin, find, access) = match keys {
        Keys::At(place, access) => {
            (BeginSearch::new_index(*place), FindKeys::new_range(0, 1, 0), access)
        }
        Keys::Counted(place, access) => {
            (BeginSearch::new_index(*place), FindKeys::new_keys_num(0, 1, 1), access)
        }
        Keys::After(word, access) => (
            BeginSearch::new_keyword((*word).to_owned(), 2),
            FindKeys::new_keys_num(0, 1, 1),
            access,
        ),
    };
    KeySpec::new(None, KeySpecFlags::from_bits_truncate(bits(*access)), begin, find)
}

fn argument(arg: &Arg) -> RedisModuleCommandArg {
    let (kind, key, inner): (u32, Option<u32>, Option<&[Arg]>) = match &arg.kind {
        Kind::Key(spec) => {
            (raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_KEY, Some(*spec as u32), None)
        }
        Kind::Text => (raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_STRING, None, None),
        Kind::Integer => (raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_INTEGER, None, None),
        Kind::Word => (raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_PURE_TOKEN, None, None),
        Kind::Block(args) => {
            (raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_BLOCK, None, Some(args))
        }
        Kind::OneOf(args) => {
            (raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_ONEOF, None, Some(args))
        }
    };
    let mut flags = CommandArgFlags::NONE;
    flags.set(CommandArgFlags::OPTIONAL, arg.optional);
    flags.set(CommandArgFlags::MULTIPLE, arg.multiple);
    RedisModuleCommandArg::new(
        arg.name.to_owned(),
        kind,
        key,
        arg.token.map(str::to_owned),
        None,
        None,
        flags,
        None,
        inner.map(|args| args.iter().map(argument).collect()),
        None,
    )
}

/// As many as there are handlers: a command that is added to one only does not compile.
const TABLE_LEN: usize = TABLE.len();
