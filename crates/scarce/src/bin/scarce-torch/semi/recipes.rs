//! Recipes: what stands where a configuration gives nothing.

/// Recipes by name; the first holds unless a file names another.
pub const RECIPES: &[(&str, &str)] = &[
    ("corn-ema", include_str!("recipes/corn-ema.toml")),
    ("corn-code", include_str!("recipes/corn-code.toml")),
    ("corn-paper", include_str!("recipes/corn-paper.toml")),
    ("corn-repaired", include_str!("recipes/corn-repaired.toml")),
    ("mean-teacher", include_str!("recipes/mean-teacher.toml")),
    ("ua-mt", include_str!("recipes/ua-mt.toml")),
    ("mc-net", include_str!("recipes/mc-net.toml")),
    ("caml", include_str!("recipes/caml.toml")),
    ("supervised", include_str!("recipes/supervised.toml")),
    (
        "supervised-all",
        include_str!("recipes/supervised-all.toml"),
    ),
];

#[cfg(test)]
mod tests {
    use scarce_corn::SemiConfig;
    use scarce_train::config::{load_preset, resolved};

    use super::*;
    use crate::semi::inputs::SemiFile;

    fn load(recipe: &str) -> SemiFile {
        let overrides = [format!("recipe={recipe}"), "data.labelled=[]".to_owned()];
        load_preset(None, &overrides, "recipe", RECIPES).unwrap()
    }

    /// Every recipe is a whole configuration once there are data, and comes back from the text a run keeps of it.
    #[test]
    fn recipes_are_complete() {
        for (name, _) in RECIPES {
            let file = load(name);
            assert_eq!(file.recipe, *name);
            for unlabelled in [false, true] {
                file.method.check(unlabelled).unwrap();
            }
            let text = resolved(&file).unwrap();
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("config.resolved.toml");
            std::fs::write(&path, &text).unwrap();
            let again: SemiFile = scarce_train::config::load(Some(&path), &[]).unwrap();
            assert_eq!(again, file, "{name}");
        }
    }

    /// Configurations that name no recipe mean what they did before there were any.
    #[test]
    fn the_first_recipe_is_the_method_as_it_is_by_default() {
        assert_eq!(load(RECIPES[0].0).method, SemiConfig::default());
    }
}
