//! Slurm's notation of host lists, such as `gpu[03-05,9],login1`.

/// The first host of a list; none where brackets don't match or nothing is named.
///
/// Each bracket stands for its first number, with its zeros kept: `r[1-2]n[03-04]` begins with `r1n03`.
pub(super) fn first_host(list: &str) -> Option<String> {
    let mut host = String::new();
    let mut rest = list.trim();
    while let Some(character) = rest.chars().next() {
        match character {
            ',' => break,
            ']' => return None,
            '[' => {
                let (inside, after) = rest.get(1..)?.split_once(']')?;
                let first = inside.split([',', '-']).next()?;
                if first.is_empty() || !first.bytes().all(|b| b.is_ascii_digit()) {
                    return None;
                }
                host.push_str(first);
                rest = after;
            }
            other => {
                host.push(other);
                rest = rest.get(other.len_utf8()..)?;
            }
        }
    }
    (!host.is_empty()).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_host_is_found_in_each_notation() {
        for (list, expected) in [
            ("node7", Some("node7")),
            ("a,b", Some("a")),
            ("gpu[03-05,9],login1", Some("gpu03")),
            ("gpu[12,14-16]", Some("gpu12")),
            ("r[1-2]n[03-04]-ib", Some("r1n03-ib")),
            (
                "host-1.cluster.example,host-2",
                Some("host-1.cluster.example"),
            ),
            (" n[0-1] ", Some("n0")),
            ("", None),
            (",b", None),
            ("n[1-2", None),
            ("n1-2]", None),
            ("n[]", None),
            ("n[x-2]", None),
        ] {
            assert_eq!(first_host(list).as_deref(), expected, "{list}");
        }
    }
}
