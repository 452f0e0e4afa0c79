/* SPDX-License-Identifier: Apache-2.0
 * Every layout on a small tree made here, and what opening must refuse. */
#include "data/support_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct testing ds_t;

static void dataset_says(const char *part)
{
    if (!strstr(odd_last_message(ds_t.ctx), part))
        print_error("message: %s\nexpected in it: %s\n", odd_last_message(ds_t.ctx), part);
    assert_non_null(strstr(odd_last_message(ds_t.ctx), part));
}

static void dataset_noted(const struct odd_dataset *ds, const char *part)
{
    char *text = NULL;
    assert_int_equal(odd_dataset_describe(ds, &text, NULL), ODD_OK);
    if (!strstr(text, part))
        print_error("description: %s\nexpected in it: %s\n", text, part);
    assert_non_null(strstr(text, part));
    odd_text_free(ds_t.ctx, text);
}

static const struct oddi_sample *dataset_find(const struct odd_dataset *ds, const char *end)
{
    for (size_t i = 0; i < ds->count; i++) {
        size_t n = strlen(ds->sample[i].path), m = strlen(end);
        if (n >= m && !strcmp(ds->sample[i].path + n - m, end))
            return &ds->sample[i];
    }
    return NULL;
}

/* One reading gives what two give: of a file, of a picture in a container, of what is no picture. */
static void dataset_check_hashed(const struct odd_dataset *ds, size_t i)
{
    struct oddi_picture *apart = NULL, *both = NULL;
    struct oddi_hash128 a, b;
    const odd_status status = oddi_dataset_load_picture(ds_t.ctx, ds, i, &apart);
    assert_int_equal(oddi_dataset_load_hashed(ds_t.ctx, ds, i, &both, &b), status);
    if (status == ODD_OK) {
        assert_int_equal(oddi_dataset_hash(ds_t.ctx, ds, i, &a), ODD_OK);
        assert_true(oddi_hash_equal(&a, &b));
        assert_int_equal(oddi_picture_size(apart), oddi_picture_size(both));
        assert_memory_equal(apart->data, both->data, oddi_picture_size(both));
    } else {
        assert_null(both);
    }
    oddi_picture_free(ds_t.ctx, apart);
    oddi_picture_free(ds_t.ctx, both);
}

static void dataset_test_folder(void **state)
{
    struct odd_dataset *ds = NULL;
    (void)state;
    testing_pictures(&ds_t, "plain/p%03d.bmp", 0, 20);
    testing_text(&ds_t, "plain/readme.txt", "no picture");
    testing_text(&ds_t, "plain/.hidden.bmp", "no picture");
    testing_picture(&ds_t, "plain/inner/x.bmp", 4, 4, 1);
    assert_int_equal(testing_open(&ds_t, "plain", &ds, "layout", "folder", NULL), ODD_OK);
    assert_string_equal(ds->layout, "folder");
    assert_int_equal(ds->count, 20);
    assert_int_equal(ds->groups, 20);
    assert_int_equal(testing_count(ds, ODDI_PART_TRAIN), 16);
    assert_int_equal(testing_count(ds, ODDI_PART_TUNE), 2);
    assert_int_equal(testing_count(ds, ODDI_PART_CALIBRATE), 2);
    for (size_t i = 1; i < ds->count; i++)
        assert_true(strcmp(ds->sample[i - 1].path, ds->sample[i].path) < 0);
    dataset_noted(ds, "1 other files are not pictures");
    dataset_noted(ds, "1 folders inside it");
    odd_dataset_free(ds);
    assert_int_equal(testing_open(&ds_t, "plain", &ds, NULL), ODD_ECONFIG); /* class inner */
    dataset_says("say which is normal");
}

static void dataset_test_mvtec(void **state)
{
    struct odd_dataset *ds = NULL;
    (void)state;
    testing_pictures(&ds_t, "mv/train/good/%03d.bmp", 0, 10);
    testing_pictures(&ds_t, "mv/test/good/%03d.bmp", 20, 3);
    testing_pictures(&ds_t, "mv/test/cut/%03d.bmp", 0, 2);
    testing_picture(&ds_t, "mv/test/hole/7.bmp", 4, 4, 9);
    testing_pictures(&ds_t, "mv/ground_truth/cut/%03d_mask.bmp", 0, 1);
    testing_picture(&ds_t, "mv/ground_truth/hole/7.bmp", 4, 4, 9);
    assert_int_equal(testing_open(&ds_t, "mv/", &ds, NULL), ODD_OK);
    assert_string_equal(ds->layout, "mvtec");
    assert_true(ds->has_split);
    assert_int_equal(testing_count(ds, ODDI_PART_TRAIN), 8);
    assert_int_equal(oddi_dataset_count(ds, ODDI_PART_TEST, ODDI_LABEL_NORMAL), 3);
    assert_int_equal(oddi_dataset_count(ds, ODDI_PART_TEST, ODDI_LABEL_ANOMALOUS), 3);
    assert_string_equal(dataset_find(ds, "test/cut/000.bmp")->mask,
                        testing_path(&ds_t, "mv/ground_truth/cut/000_mask.bmp"));
    assert_null(dataset_find(ds, "test/cut/001.bmp")->mask);
    assert_non_null(dataset_find(ds, "test/hole/7.bmp")->mask);
    assert_string_equal(dataset_find(ds, "test/hole/7.bmp")->type, "hole");
    assert_null(dataset_find(ds, "test/good/020.bmp")->mask);
    dataset_noted(ds, "warning: 1 anomalous pictures have no mask");
    dataset_noted(ds, "3 anomalous: cut 2, hole 1");
    dataset_noted(ds, "mvtec, because it has a folder train with nothing but good");
    dataset_noted(ds, "layout classes would fit too");
    for (size_t i = 0; i < ds->count; i++) {
        if (i == 1)
            testing_text(&ds_t, "mv/test/cut/001.bmp", "no picture");
        dataset_check_hashed(ds, i);
    }
    odd_dataset_free(ds);
}

/* One pair among many pictures without: taken as said, but warned about. */
static void dataset_test_odd_mask(void)
{
    struct odd_dataset *ds = NULL;
    testing_pictures(&ds_t, "odd/ok/%03d.jpg", 0, 5);
    testing_pictures(&ds_t, "odd/ok/%03d.png", 2, 1);
    assert_int_equal(testing_open(&ds_t, "odd", &ds, NULL), ODD_OK);
    assert_int_equal(ds->count, 5);
    dataset_noted(ds, "warning: 1 of these masks are in classes whose other pictures");
    dataset_noted(ds, "odd/ok/002.png");
    odd_dataset_free(ds);
    testing_picture(&ds_t, "odd/ok/002.png", 4, 5, 1); /* of another size: no mask at all */
    assert_int_equal(testing_open(&ds_t, "odd", &ds, NULL), ODD_OK);
    assert_int_equal(ds->count, 5);
    assert_null(dataset_find(ds, "odd/ok/002.jpg")->mask);
    dataset_noted(ds, "warning: 1 pictures have the stem of another one but not its size");
    odd_dataset_free(ds);
}

static void dataset_test_classes(void **state)
{
    struct odd_dataset *ds = NULL;
    (void)state;
    testing_pictures(&ds_t, "mt/MT_Free/Imgs/%03d.jpg", 0, 10);
    testing_pictures(&ds_t, "mt/MT_Free/Imgs/%03d.png", 0, 10);
    testing_pictures(&ds_t, "mt/MT_Free/Imgs/%03d-b.jpg", 0, 2);
    testing_pictures(&ds_t, "mt/MT_Crack/Imgs/%03d.jpg", 0, 3);
    testing_pictures(&ds_t, "mt/MT_Crack/Imgs/%03d.png", 0, 3);
    assert_int_equal(testing_open(&ds_t, "mt", &ds, "normal", "MT_Free", "test-normals", "4",
                                  "hold-out", "2", NULL),
                     ODD_OK);
    assert_int_equal(ds->count, 15);
    assert_false(ds->has_split);
    for (size_t i = 0; i < ds->count; i++)
        assert_null(strstr(ds->sample[i].path, ".png"));
    assert_string_equal(dataset_find(ds, "MT_Crack/Imgs/001.jpg")->mask,
                        testing_path(&ds_t, "mt/MT_Crack/Imgs/001.png"));
    assert_null(dataset_find(ds, "MT_Free/Imgs/001-b.jpg")->mask);
    assert_int_equal(testing_count(ds, ODDI_PART_TRAIN), 6);
    assert_int_equal(testing_count(ds, ODDI_PART_TUNE), 1);
    assert_int_equal(testing_count(ds, ODDI_PART_CALIBRATE), 1);
    assert_int_equal(testing_count(ds, ODDI_PART_TEST), 7);
    dataset_noted(ds, "13 pictures have a second picture of the same stem");
    dataset_noted(ds, "2 classes keep their pictures one folder deeper");
    odd_dataset_free(ds);
    assert_int_equal(testing_open(&ds_t, "mt", &ds, NULL), ODD_ECONFIG);
    dataset_says("classes: MT_Crack, MT_Free");
    assert_int_equal(testing_open(&ds_t, "mt", &ds, "normal", "MT_Free,Nope", NULL), ODD_ECONFIG);
    dataset_says("no class 'Nope'");
    dataset_test_odd_mask();
    testing_picture(&ds_t, "twin/ok/a.bmp", 4, 4, 1);
    testing_picture(&ds_t, "twin/ok/a.tif", 4, 4, 1);
    testing_picture(&ds_t, "twin/ng/a.bmp", 4, 4, 1);
    assert_int_equal(testing_open(&ds_t, "twin", &ds, NULL), ODD_EFORMAT);
    dataset_says("cannot tell which is the picture");
}

static void dataset_test_class_splits(void **state)
{
    struct odd_dataset *ds = NULL;
    (void)state;
    testing_pictures(&ds_t, "cf/train/cat/%03d.bmp", 0, 8);
    testing_pictures(&ds_t, "cf/train/dog/%03d.bmp", 10, 8);
    testing_pictures(&ds_t, "cf/train/emu/%03d.bmp", 20, 8);
    testing_pictures(&ds_t, "cf/test/cat/%03d.bmp", 30, 4);
    testing_pictures(&ds_t, "cf/test/emu/%03d.bmp", 40, 4);
    assert_int_equal(testing_open(&ds_t, "cf", &ds, "normal", "cat, dog", "hold-out", "0",
                                  "test-normals", "2", "sample-test", "4", NULL),
                     ODD_OK);
    assert_string_equal(ds->layout, "classes");
    assert_int_equal(testing_count(ds, ODDI_PART_TRAIN), 16);
    assert_int_equal(oddi_dataset_count(ds, ODDI_PART_UNUSED, ODDI_LABEL_ANOMALOUS), 10);
    assert_int_equal(oddi_dataset_count(ds, ODDI_PART_TEST, ODDI_LABEL_NORMAL), 2);
    assert_int_equal(oddi_dataset_count(ds, ODDI_PART_TEST, ODDI_LABEL_ANOMALOUS), 2);
    dataset_noted(ds, "8 pictures listed for training are not normal");
    dataset_noted(ds, "warning: test-normals is not used");
    odd_dataset_free(ds);
}

static void dataset_test_idx(void **state)
{
    static const int images[] = {50, 4, 4}, labels[] = {50}, test[] = {20, 4, 4},
                     test_labels[] = {20}, wrong[] = {49};
    unsigned char label[50];
    struct odd_dataset *ds = NULL;
    struct oddi_hash128 a, b;
    (void)state;
    for (int i = 0; i < 50; i++)
        label[i] = (unsigned char)(i % 5);
    testing_idx(&ds_t, "mnist/train-images-idx3-ubyte.gz", true, images, 3, NULL);
    testing_idx(&ds_t, "mnist/train-labels-idx1-ubyte.gz", true, labels, 1, label);
    testing_idx(&ds_t, "mnist/t10k-images-idx3-ubyte", false, test, 3, NULL);
    testing_idx(&ds_t, "mnist/t10k-labels-idx1-ubyte", false, test_labels, 1, label);
    assert_int_equal(testing_open(&ds_t, "mnist", &ds, NULL), ODD_ECONFIG);
    dataset_says("normal=8");
    assert_int_equal(testing_open(&ds_t, "mnist", &ds, "normal", "3,7", NULL), ODD_ECONFIG);
    dataset_says("label '7'");
    assert_int_equal(testing_open(&ds_t, "mnist", &ds, "normal", "3", "hold-out", "2", NULL),
                     ODD_OK);
    assert_string_equal(ds->layout, "idx");
    assert_int_equal(testing_count(ds, ODDI_PART_TRAIN), 8);
    assert_int_equal(oddi_dataset_count(ds, ODDI_PART_TEST, ODDI_LABEL_NORMAL), 4);
    assert_int_equal(oddi_dataset_count(ds, ODDI_PART_TEST, ODDI_LABEL_ANOMALOUS), 16);
    assert_int_equal(ds->containers, 2);
    assert_string_equal(ds->sample[53].type, "3");
    assert_non_null(strstr(ds->sample[53].path, "t10k-images-idx3-ubyte#3"));
    assert_int_equal(oddi_dataset_hash(ds_t.ctx, ds, 3, &a), ODD_OK); /* same bytes in both */
    assert_int_equal(oddi_dataset_hash(ds_t.ctx, ds, 53, &b), ODD_OK);
    assert_true(oddi_hash_equal(&a, &b));
    assert_int_equal(oddi_dataset_hash(ds_t.ctx, ds, 4, &b), ODD_OK);
    assert_false(oddi_hash_equal(&a, &b));
    struct oddi_picture *picture = NULL;
    assert_int_equal(oddi_dataset_load_picture(ds_t.ctx, ds, 3, &picture), ODD_OK);
    assert_int_equal(picture->width, 4);
    assert_memory_equal(picture->data, ds->container[0].data + 48, 16);
    oddi_picture_free(ds_t.ctx, picture);
    dataset_check_hashed(ds, 3);
    odd_dataset_free(ds);
    testing_idx(&ds_t, "fashion/t10k-images-idx3-ubyte", false, test, 3, NULL);
    testing_idx(&ds_t, "fashion/t10k-labels-idx1-ubyte", false, test_labels, 1, label);
    for (int i = 0; i < 2; i++) { /* by number and by name */
        assert_int_equal(
            testing_open(&ds_t, "fashion", &ds, "normal", i ? "dress, 0" : "3,t-shirt", NULL),
            ODD_OK);
        assert_string_equal(ds->sample[3].type, "dress");
        assert_int_equal(oddi_dataset_count(ds, ODDI_PART_TEST, ODDI_LABEL_NORMAL), 8);
        odd_dataset_free(ds);
    }
    assert_int_equal(testing_open(&ds_t, "fashion", &ds, "normal", "9", NULL), ODD_ECONFIG);
    dataset_says("label 'ankle-boot'");
    testing_idx(&ds_t, "mnist/t10k-labels-idx1-ubyte", false, wrong, 1, label);
    assert_int_equal(testing_open(&ds_t, "mnist", &ds, "normal", "3", NULL), ODD_EFORMAT);
    dataset_says("20 pictures");
    testing_text(&ds_t, "mnist/t10k-labels-idx1-ubyte", "not an IDX file");
    assert_int_equal(testing_open(&ds_t, "mnist", &ds, "normal", "3", NULL), ODD_EFORMAT);
    dataset_says("not an IDX file");
}

static void dataset_test_csv(void **state)
{
    struct odd_dataset *ds = NULL;
    (void)state;
    testing_text(&ds_t, "lists/a.csv",
                 "group,path,label,split,mask,type\n"
                 "p1,../x/1.png,normal,train,,\np1,../x/2.png,good,train,,\n"
                 "p2,../x/3.png,0,tune,,\np3,../x/4.png,ok,calibrate,,\n"
                 "p4,../x/5.png,anomalous,test,m/5.png,scratch\n"
                 "p1,../x/6.png,0,test,,\n"
                 "p6,/abs/7.png,,test,,\n"
                 "p7,../x/8.png,1,train,,\n,../x/9.png,0,train,,\n");
    assert_int_equal(testing_open(&ds_t, "lists/a.csv", &ds, NULL), ODD_OK);
    assert_int_equal(ds->count, 9);
    assert_int_equal(ds->groups, 7);
    assert_int_equal(ds->sample[0].group_id, ds->sample[5].group_id);
    assert_int_equal(ds->sample[0].part, ODDI_PART_UNUSED); /* p1 is also in the test part */
    assert_int_equal(ds->sample[1].part, ODDI_PART_UNUSED);
    assert_int_equal(ds->sample[2].part, ODDI_PART_TUNE);
    assert_int_equal(ds->sample[3].part, ODDI_PART_CALIBRATE);
    assert_int_equal(ds->sample[4].part, ODDI_PART_TEST);
    assert_int_equal(ds->sample[5].part, ODDI_PART_TEST);
    assert_int_equal(ds->sample[6].part, ODDI_PART_UNUSED); /* no label */
    assert_int_equal(ds->sample[7].part, ODDI_PART_UNUSED); /* not normal */
    assert_int_equal(ds->sample[8].part, ODDI_PART_TRAIN);
    assert_string_equal(ds->sample[4].type, "scratch");
    assert_string_equal(ds->sample[5].type, "normal");
    assert_string_equal(ds->sample[6].path, "/abs/7.png");
    assert_string_equal(ds->sample[4].mask, testing_path(&ds_t, "lists/m/5.png"));
    dataset_noted(ds, "warning: 2 pictures are left out because their group");
    odd_dataset_free(ds);
}

static void dataset_test_csv_refused(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"file,label\na,0\n", "no column 'path'"},
        {"path,label\na.png,maybe\n", "line 2: label 'maybe'"},
        {"path,split\na.png,train\nb.png,dev\n", "line 3: split 'dev'"},
        {"path,label\n,0\n", "line 2: the path is empty"},
        {"path,label\n", "has no pictures"},
        {"path,label\n\"a", "not closed"},
    };
    (void)state;
    for (size_t i = 0; i < ODDI_COUNT(cases); i++) {
        struct odd_dataset *ds = NULL;
        testing_text(&ds_t, "lists/bad.csv", cases[i].text);
        assert_int_not_equal(testing_open(&ds_t, "lists/bad.csv", &ds, NULL), ODD_OK);
        assert_null(ds);
        dataset_says(cases[i].why);
        dataset_says("bad.csv");
    }
}

static void dataset_test_refused(void **state)
{
    struct odd_dataset *ds = NULL;
    (void)state;
    assert_int_equal(testing_open(&ds_t, "none/of/this", &ds, NULL), ODD_EIO);
    dataset_says("none/of/this");
    testing_text(&ds_t, "void/a.txt", "x");
    assert_int_equal(testing_open(&ds_t, "void", &ds, NULL), ODD_ENODATA);
    dataset_says("no data set is understood");
    assert_int_equal(testing_open(&ds_t, "void/a.txt", &ds, NULL), ODD_EFORMAT);
    assert_int_equal(testing_open(&ds_t, "void", &ds, "layout", "csv", NULL), ODD_ECONFIG);
    assert_int_equal(testing_open(&ds_t, "void", &ds, "layout", "nope", NULL), ODD_ECONFIG);
    assert_int_equal(testing_open(&ds_t, "void", &ds, "layout", "folder", NULL), ODD_ENODATA);
    assert_null(ds);
}

static void dataset_test_json(void **state)
{
    struct odd_dataset *ds = NULL;
    char *text = NULL, *object = NULL;
    json_t *json = NULL;
    (void)state;
    testing_pictures(&ds_t, "json/good/%03d.bmp", 0, 10);
    testing_pictures(&ds_t, "json/bad\xff/%03d.bmp", 0, 3); /* not UTF-8 */
    assert_int_equal(testing_open(&ds_t, "json", &ds, NULL), ODD_OK);
    assert_int_equal(odd_dataset_describe(ds, &text, &object), ODD_OK);
    assert_int_equal(oddi_json_parse(ds_t.ctx, object, strlen(object), "json", &json), ODD_OK);
    json_t *test = json_object_get(json_object_get(json, "parts"), "test");
    assert_int_equal(json_integer_value(json_object_get(test, "anomalous")), 3);
    assert_int_equal(json_array_size(json_object_get(json, "types")), 2);
    assert_string_equal(json_string_value(json_object_get(json, "layout")), "classes");
    json_decref(json);
    odd_text_free(ds_t.ctx, text);
    odd_text_free(ds_t.ctx, object);
    odd_dataset_free(ds);
}

static void dataset_every_failure(const char *name, const char *normal)
{
    long n = 1;
    for (bool failed = true; failed; n++) {
        struct odd_dataset *ds = NULL;
        struct odd_options *options = NULL;
        const char *path = testing_path(&ds_t, name);
        char *text = NULL;
        long live = ds_t.fault.live;
        assert_int_equal(odd_options_new(ds_t.ctx, &options), ODD_OK);
        assert_int_equal(odd_options_set(options, "normal", normal), ODD_OK);
        fault_alloc_arm(&ds_t.fault, n);
        odd_status status = odd_dataset_open(ds_t.ctx, path, options, &ds);
        if (status == ODD_OK)
            status = odd_dataset_describe(ds, &text, NULL);
        failed = fault_alloc_disarm(&ds_t.fault);
        assert_int_equal(status, failed ? ODD_ENOMEM : ODD_OK);
        odd_text_free(ds_t.ctx, text);
        odd_dataset_free(ds);
        odd_options_free(options);
        assert_int_equal(ds_t.fault.live, live);
    }
    assert_true(n > 30);
}

static void dataset_test_memory(void **state)
{
    static const int images[] = {6, 2, 2}, labels[] = {6};
    (void)state;
    testing_pictures(&ds_t, "mem/good/%03d.jpg", 0, 5);
    testing_pictures(&ds_t, "mem/good/%03d.png", 0, 5);
    testing_pictures(&ds_t, "mem/bad/in/%03d.png", 0, 2);
    dataset_every_failure("mem", "");
    testing_idx(&ds_t, "mem2/train-images-idx3-ubyte.gz", true, images, 3, NULL);
    testing_idx(&ds_t, "mem2/train-labels-idx1-ubyte.gz", true, labels, 1,
                (const unsigned char *)"\1\1\1\1\2\1");
    dataset_every_failure("mem2", "1");
    testing_text(&ds_t, "mem3.csv", "path,group,mask\na,1,x\nb,1,\nc,2,\nd,2,\n");
    dataset_every_failure("mem3.csv", "");
    testing_pictures(&ds_t, "mem4/train/good/%03d.png", 0, 3);
    testing_pictures(&ds_t, "mem4/test/bad/%03d.png", 0, 2);
    testing_pictures(&ds_t, "mem4/ground_truth/bad/%03d_mask.png", 0, 1);
    dataset_every_failure("mem4", "");
}

static int dataset_setup(void **state)
{
    (void)state;
    testing_init(&ds_t, "dataset");
    return 0;
}

static int dataset_teardown(void **state)
{
    (void)state;
    testing_release(&ds_t);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dataset_test_folder),      cmocka_unit_test(dataset_test_mvtec),
        cmocka_unit_test(dataset_test_classes),     cmocka_unit_test(dataset_test_class_splits),
        cmocka_unit_test(dataset_test_idx),         cmocka_unit_test(dataset_test_csv),
        cmocka_unit_test(dataset_test_csv_refused), cmocka_unit_test(dataset_test_refused),
        cmocka_unit_test(dataset_test_json),        cmocka_unit_test(dataset_test_memory),
    };
    return cmocka_run_group_tests(tests, dataset_setup, dataset_teardown);
}
