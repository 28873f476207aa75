# Copyright (c) semipose_mm authors.
"""Annotations and predicted persons as hotcoco reads them."""
from typing import Any, Dict, List, Optional


def plain_truth(coco: Any, use_area: bool) -> Optional[dict]:
    """The annotations as xtcocotools scores them.

    Args:
        coco (xtcocotools.COCO): Mended annotations.
        use_area (bool): As in ``CocoMetric``.

    Returns:
        dict, optional: A COCO file, None if its ids are no integers.
    """
    ids = [*coco.imgs, *coco.cats, *coco.anns]
    if not all(isinstance(i, int) and i >= 0 for i in ids):
        return None
    annotations = [
        dict(
            id=ann['id'],
            image_id=ann['image_id'],
            category_id=ann['category_id'],
            bbox=ann['bbox'],
            area=ann['area'] if use_area else ann['bbox'][2] * ann['bbox'][3] *
            0.53,
            iscrowd=ann['iscrowd'],
            keypoints=ann['keypoints'],
            num_keypoints=sum(v > 0 for v in ann['keypoints'][2::3]))
        for ann in coco.anns.values()
    ]
    images = [
        dict(
            id=image['id'],
            width=image.get('width', 0),
            height=image.get('height', 0),
            file_name='') for image in coco.dataset['images']
    ]
    categories = [
        dict(id=category, name=str(category)) for category in coco.cats
    ]
    return dict(images=images, annotations=annotations, categories=categories)


def plain_results(keypoints: Dict[int, list]) -> List[dict]:
    """Predicted persons in COCO's format of results.

    Args:
        keypoints (dict): As ``CocoMetric.results2json`` gets them.

    Returns:
        list[dict]: Persons with any score; xtcocotools ignores the others.
    """
    found = []
    for persons in keypoints.values():
        for person in persons:
            if not (person['keypoints'][:, 2] > 0).any():
                continue
            result = dict(
                image_id=person['img_id'],
                category_id=person['category_id'],
                keypoints=person['keypoints'].ravel().tolist(),
                score=float(person['score']))
            if 'bbox' in person:
                result['bbox'] = person['bbox'].tolist()
            found.append(result)
    return found
