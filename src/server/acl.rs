//! Whether a call may open keys that it does not declare: an agent or a pool names them. The server
//! has checked declared keys; for these it is asked the same questions, before any change.

use std::ffi::c_int;

use redis_module::raw;

use super::api::{Ctx, Str, api};
use crate::commands::Access;
use crate::engine::pool::hash_tag;
use crate::engine::refusal::Refusal;

/// Which of these keys can be reached by this caller from a key of the slot of `beside`: refused
/// as a whole when one is out of bounds or not served here now.
pub(super) fn reachable(
    ctx: Ctx,
    beside: Option<Str>,
    keys: &[Str],
    access: Access,
) -> Result<Vec<bool>, Refusal> {
    allowed(ctx, keys, access)?;
    if !ctx.flags().is_cluster() {
        return Ok(vec![true; keys.len()]);
    }
    let here = beside.map(|key| slot(key.bytes()));
    let same: Vec<bool> = keys.iter().map(|key| Some(slot(key.bytes())) == here).collect();
    let mut asked: Vec<Str> =
        keys.iter().zip(&same).filter(|(_, same)| **same).map(|(key, _)| *key).collect();
    if asked.is_empty() || are_served(ctx, &mut asked) { Ok(same) } else { Err(Refusal::TryAgain) }
}

/// Whether the second key can be reached from the slot of the first.
pub(super) fn is_beside(ctx: Ctx, beside: &[u8], key: &[u8]) -> bool {
    !ctx.flags().is_cluster() || slot(beside) == slot(key)
}

/// The bits of an access, as key specifications and permissions have them.
pub(super) fn bits(access: Access) -> u32 {
    match access {
        Access::Read => raw::REDISMODULE_CMD_KEY_RO | raw::REDISMODULE_CMD_KEY_ACCESS,
        Access::Insert => raw::REDISMODULE_CMD_KEY_RW | raw::REDISMODULE_CMD_KEY_INSERT,
        Access::Update => {
            raw::REDISMODULE_CMD_KEY_RW
                | raw::REDISMODULE_CMD_KEY_ACCESS
                | raw::REDISMODULE_CMD_KEY_UPDATE
        }
    }
}

fn allowed(ctx: Ctx, keys: &[Str], access: Access) -> Result<(), Refusal> {
    ctx.auto_memory();
    // The permission is asked for the kinds of access alone, without the RO/RW marks.
    let wanted = bits(access) & !(raw::REDISMODULE_CMD_KEY_RO | raw::REDISMODULE_CMD_KEY_RW);
    // SAFETY: only commands of clients get here, never ones from the primary or the append-only
    // file, which have no user. The name is freed with the context, the user below.
    unsafe {
        let name = api!(RedisModule_GetCurrentUserName(ctx.0));
        if name.is_null() {
            return Ok(());
        }
        let user = api!(RedisModule_GetModuleUserFromUserName(name));
        if user.is_null() {
            return Ok(());
        }
        let ok = raw::REDISMODULE_OK as c_int;
        let refused = keys.iter().find(|key| {
            api!(RedisModule_ACLCheckKeyPermissions(user, key.0, wanted as c_int)) != ok
        });
        api!(RedisModule_FreeModuleUser(user));
        refused.map_or(Ok(()), |key| Err(Refusal::NoPermission(key.bytes().to_vec())))
    }
}

/// Whether this node serves all of these keys just now: one EXISTS over them all would be served.
fn are_served(ctx: Ctx, keys: &mut [Str]) -> bool {
    // SAFETY: the format takes a vector with its length; the reply is freed.
    unsafe {
        let reply = api!(RedisModule_Call(
            ctx.0,
            c"EXISTS".as_ptr(),
            c"v".as_ptr(),
            keys.as_mut_ptr().cast::<*mut raw::RedisModuleString>(),
            keys.len(),
        ));
        if reply.is_null() {
            return false;
        }
        let kind = api!(RedisModule_CallReplyType(reply));
        api!(RedisModule_FreeCallReply(reply));
        kind == raw::REDISMODULE_REPLY_INTEGER as c_int
    }
}

/// The cluster slot of a key: CRC-16 (XMODEM) of its hash tag, or of the whole name.
fn slot(name: &[u8]) -> u16 {
    let crc = hash_tag(name).unwrap_or(name).iter().fold(0_u16, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    });
    crc % 16_384
}
