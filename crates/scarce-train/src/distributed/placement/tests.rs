//! What each launcher's variables are read as.

use super::*;

fn read(variables: &[(&str, &str)]) -> Result<Option<Placement>, DistributedError> {
    Placement::from_variables(&|name| {
        let found = variables.iter().find(|(known, _)| *known == name)?;
        Some(found.1.to_owned())
    })
}

#[test]
fn each_launcher_says_who_a_process_is() {
    let base = Placement {
        rank: 1,
        local_rank: Some(1),
        world_size: 4,
        store_host: "10.0.0.7".to_owned(),
        store_port: 1234,
        store_is_running: false,
        attempt: 0,
        launcher: Launcher::Variables,
    };
    let torchrun = [
        ("RANK", "1"),
        ("LOCAL_RANK", "1"),
        ("WORLD_SIZE", "4"),
        ("MASTER_ADDR", "10.0.0.7"),
        ("MASTER_PORT", "1234"),
    ];
    let with = |more: &[(&'static str, &'static str)]| [&torchrun[..], more].concat();
    let slurm = vec![
        ("SLURM_PROCID", "1"),
        ("SLURM_LOCALID", "1"),
        ("SLURM_NTASKS", "4"),
        ("SLURM_JOB_NODELIST", "gpu[03-04]"),
        ("SLURM_JOB_ID", "812345"),
        ("SLURM_RESTART_COUNT", "2"),
    ];
    let in_slurm = Placement {
        store_host: "gpu03".to_owned(),
        store_port: 22345,
        attempt: 2,
        launcher: Launcher::Slurm,
        ..base.clone()
    };
    let ompi = vec![
        ("OMPI_COMM_WORLD_RANK", "1"),
        ("OMPI_COMM_WORLD_SIZE", "4"),
        ("OMPI_COMM_WORLD_LOCAL_RANK", "1"),
        ("OMPI_COMM_WORLD_LOCAL_SIZE", "4"),
    ];
    for (variables, expected) in [
        (with(&[]), Some(base.clone())),
        (
            with(&[
                ("TORCHELASTIC_USE_AGENT_STORE", "True"),
                ("TORCHELASTIC_RESTART_COUNT", "3"),
            ]),
            Some(Placement {
                store_is_running: true,
                attempt: 3,
                ..base.clone()
            }),
        ),
        // torchrun inside a Slurm job, one task a machine.
        (with(&slurm), Some(base.clone())),
        (slurm.clone(), Some(in_slurm.clone())),
        (
            [
                &slurm[..],
                &[("SLURM_STEP_NUM_TASKS", "2"), ("MASTER_PORT", "9")],
            ]
            .concat(),
            Some(Placement {
                world_size: 2,
                store_port: 9,
                ..in_slurm
            }),
        ),
        (
            ompi.clone(),
            Some(Placement {
                store_host: "127.0.0.1".to_owned(),
                store_port: 29500,
                launcher: Launcher::OpenMpi,
                ..base.clone()
            }),
        ),
        (
            vec![
                ("PMI_RANK", "1"),
                ("PMI_SIZE", "4"),
                ("MASTER_ADDR", "10.0.0.7"),
            ],
            Some(Placement {
                local_rank: None,
                store_port: 29500,
                launcher: Launcher::Pmi,
                ..base
            }),
        ),
        (vec![], None),
        (vec![("RANK", "0"), ("WORLD_SIZE", "1")], None),
        (vec![("SLURM_PROCID", "0"), ("SLURM_NTASKS", "1")], None),
    ] {
        assert_eq!(read(&variables).unwrap(), expected, "{variables:?}");
    }
}

#[test]
fn what_is_missing_or_senseless_is_named() {
    for (variables, said) in [
        (vec![("RANK", "0")], "WORLD_SIZE: is not set"),
        (vec![("WORLD_SIZE", "2")], "RANK: is not set"),
        (vec![("RANK", "two"), ("WORLD_SIZE", "2")], "RANK: is `two`"),
        (
            vec![("RANK", "2"), ("WORLD_SIZE", "2")],
            "RANK: is 2, expected less",
        ),
        (
            vec![("RANK", "0"), ("WORLD_SIZE", "0")],
            "RANK: is 0, expected less",
        ),
        (
            vec![("RANK", "0"), ("WORLD_SIZE", "2")],
            "MASTER_ADDR: is not set",
        ),
        (
            vec![("RANK", "0"), ("WORLD_SIZE", "2"), ("MASTER_ADDR", "a")],
            "MASTER_PORT: is not set",
        ),
        (
            vec![
                ("RANK", "0"),
                ("WORLD_SIZE", "2"),
                ("MASTER_ADDR", "a"),
                ("MASTER_PORT", "70000"),
            ],
            "MASTER_PORT: is `70000`",
        ),
        (
            vec![("SLURM_PROCID", "0"), ("SLURM_NTASKS", "2")],
            "neither is SLURM_STEP_NODELIST",
        ),
        (
            vec![
                ("SLURM_PROCID", "0"),
                ("SLURM_NTASKS", "2"),
                ("SLURM_JOB_NODELIST", "n[1"),
            ],
            "SLURM_JOB_NODELIST: is `n[1`",
        ),
        (
            vec![
                ("OMPI_COMM_WORLD_RANK", "0"),
                ("OMPI_COMM_WORLD_SIZE", "4"),
                ("OMPI_COMM_WORLD_LOCAL_SIZE", "2"),
            ],
            "MASTER_ADDR: is not set: with Open MPI",
        ),
    ] {
        let error = read(&variables).unwrap_err();
        assert!(error.is_usage());
        assert!(error.to_string().contains(said), "{variables:?}: {error}");
    }
}
